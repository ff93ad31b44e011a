import type { Lifted } from '../ops/unban.ts'
import { type Client, createClient } from './client.ts'
import { type Command, type Given, OUTPUT, wrong } from './command.ts'
import { EXIT, plain, type Terminal } from './terminal.ts'

export const unban: Command = {
  name: 'unban',
  usage: 'ADDRESS… | --all',
  summary: 'lift bans wholly, now, on all edges',
  help: `
Lifts every reason of each ban, takes it out of the edges, and reads them again
to see that it is gone. Exit code 1: lifted, but an edge could not be verified;
3: an address is not banned (the others are lifted all the same).

Alerts cannot ban the address again for RELEASE_FOR, or as long as --grace says.
To keep it from bans for good: portcullis allow.

  portcullis unban 198.51.100.7 -R "our new office"
  portcullis unban --all --origin alert       everything that alerts have banned`,
  options: {
    reason: { type: 'string', short: 'R', value: 'REASON', help: 'why, for the history' },
    grace: { type: 'string', value: 'DURATION', help: 'no automatic ban for so long, instead of RELEASE_FOR' },
    all: { type: 'boolean', help: 'every ban; asks first' },
    origin: { type: 'string', value: 'ORIGIN', help: 'with --all: only those of alert, operator or edge' },
    yes: { type: 'boolean', short: 'y', help: 'do not ask' },
    ...OUTPUT,
  },
  words: 1000,
  async run(given, terminal) {
    const all = given.flag('all')
    if (all === given.words.length > 0) throw wrong(unban, all ? '--all takes no address' : 'an address is missing')
    if (!all && given.text('origin') !== null) throw wrong(unban, '--origin goes with --all')
    const client = createClient(terminal.environment())
    if (all && !(await isMeant(client, given, terminal))) {
      terminal.complain('Nothing was lifted.')
      return EXIT.failed
    }
    const which = all ? { all: true, ...given.texts(['origin']) } : { addresses: given.words }
    const answer = await client.post('/api/unban', { ...which, ...given.texts(['reason', 'grace']) })
    const { lifted, unknown, covered, verified } = answer as unknown as Lifted
    const code =
      covered.length > 0 || (lifted.length > 0 && !verified)
        ? EXIT.failed
        : unknown.length > 0
          ? EXIT.notFound
          : EXIT.ok
    const message = String(answer.message).split('\n').map(plain).join('\n')
    if (given.json) terminal.say(JSON.stringify(answer, null, 2))
    else if (code === EXIT.ok) terminal.say(message)
    else terminal.complain(message)
    return code
  },
}

async function isMeant(client: Client, given: Given, terminal: Terminal): Promise<boolean> {
  if (given.flag('yes')) return true
  if (!terminal.interactive || terminal.ask === undefined)
    throw wrong(unban, 'nobody can be asked here: --yes says that all of them are meant')
  const query = new URLSearchParams({ limit: '1', ...given.texts(['origin']) })
  const { total } = await client.get(`/api/bans?${query}`)
  const answer = await terminal.ask(`This lifts ${total} bans on all edges. Type ${total} to go on: `)
  return answer === String(total)
}
