import type { AllowedView } from '../ops/allow-orders.ts'
import { createClient } from './client.ts'
import { type Command, OUTPUT, wrong } from './command.ts'
import { underPause } from './paused.ts'
import { relative, table } from './table.ts'
import { EXIT, plain } from './terminal.ts'

export const allow: Command = {
  name: 'allow',
  usage: 'ADDRESS|CIDR|NAME [-d DURATION] [-R REASON]',
  summary: 'never ban this one, and lift what bans it',
  help: `
Puts an address, a prefix or a host name on the allowlist, at once and on all
instances; a ban of it, or of a prefix around it, is lifted, whoever wanted it.
Names are looked up again every 5 minutes. What shall be there for good, and
\`self\`, belongs into ALLOWLIST.

  portcullis allow 198.51.100.0/28 -R "our new office"
  portcullis allow vpn.example.org -d 30d`,
  options: {
    duration: { type: 'string', short: 'd', value: 'DURATION', help: '24h, 30d, …; without it: until you disallow it' },
    reason: { type: 'string', short: 'R', value: 'REASON', help: 'who that is' },
    ...OUTPUT,
  },
  words: 1,
  async run(given, terminal) {
    const [entry] = given.words
    if (entry === undefined) throw wrong(allow, 'an address, a CIDR or a host name is missing')
    const order = { entry, ...given.texts(['duration', 'reason']) }
    const answer = await createClient(terminal.environment()).post('/api/allowlist', order)
    terminal.say(given.json ? JSON.stringify(answer, null, 2) : plain(answer.message ?? 'Done.'))
    return EXIT.ok
  },
}

export const allowed: Command = {
  name: 'allowed',
  usage: '',
  summary: 'who is never banned, until when, and by whom',
  help: `
The allowlist: what ALLOWLIST says, and what people allowed with the command
line. The addresses are those that are in force now.`,
  options: OUTPUT,
  words: 0,
  async run(given, terminal) {
    const answer = await createClient(terminal.environment()).get('/api/allowlist')
    const { entries } = answer as unknown as { entries: readonly AllowedView[] }
    const rows = entries.map(({ entry, addresses, until, by, reason }) => [
      entry,
      addresses.join() === entry ? '' : addresses.join(' '),
      relative(until, terminal.now()),
      by,
      reason,
    ])
    const page = rows.length === 0 ? 'Nobody is.' : table(['ENTRY', 'NOW', 'ENDS', 'BY', 'REASON'], rows)
    terminal.say(given.json ? JSON.stringify(answer, null, 2) : underPause(answer, page, terminal))
    return EXIT.ok
  },
}

export const disallow: Command = {
  name: 'disallow',
  usage: 'ENTRY…',
  summary: 'take what was allowed off the allowlist',
  help: `
Takes entries of \`portcullis allow\` back, as \`portcullis allowed\` writes them.
Those of ALLOWLIST stay. Nobody is banned by this; new alerts may. Exit code 3:
an entry is not on the list (the others are taken off all the same).

  portcullis disallow vpn.example.org`,
  options: OUTPUT,
  words: 1000,
  async run(given, terminal) {
    if (given.words.length === 0) throw wrong(disallow, 'an entry is missing')
    const answer = await createClient(terminal.environment()).delete('/api/allowlist', { entries: given.words })
    const { unknown, fixed } = answer as unknown as { unknown: readonly string[]; fixed: readonly string[] }
    const code = unknown.length > 0 ? EXIT.notFound : fixed.length > 0 ? EXIT.failed : EXIT.ok
    const message = plain(answer.message ?? 'Done.')
    if (given.json) terminal.say(JSON.stringify(answer, null, 2))
    else if (code === EXIT.ok) terminal.say(message)
    else terminal.complain(message)
    return code
  },
}
