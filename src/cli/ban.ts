import { createClient } from './client.ts'
import { type Command, OUTPUT, wrong } from './command.ts'
import { EXIT, plain } from './terminal.ts'

export const ban: Command = {
  name: 'ban',
  usage: 'ADDRESS [-d DURATION] [-R REASON]',
  summary: 'ban an address or prefix by hand, on all edges',
  help: `
Bans an IPv4 or IPv6 address or CIDR on every edge, and says whether it is held.
Without -d it lasts as long as the first ban of the playbook that blocks (the
first that enforces), and says how long.

Refused by name (exit code 2): private addresses, Cloudflare's own, friends of
the allowlist, and what is wider than /8 or /32. The last two can be forced,
with a reason; your own address (\`self\`) cannot.

  portcullis ban 198.51.100.7 -R "scans us since Monday" -d 7d
  portcullis ban 203.0.113.9 --force -R "the scanner we hired is gone"`,
  options: {
    duration: { type: 'string', short: 'd', value: 'DURATION', help: '30m, 24h, 7d, … or forever' },
    reason: { type: 'string', short: 'R', value: 'REASON', help: 'why, for those who come after' },
    force: { type: 'boolean', help: 'overrule the allowlist, or the width; needs a reason' },
    ...OUTPUT,
  },
  words: 1,
  async run(given, terminal) {
    const [address] = given.words
    if (address === undefined) throw wrong(ban, 'an address is missing')
    if (given.flag('force') && given.text('reason') === null) throw wrong(ban, '--force needs a reason: -R "why"')
    const answer = await createClient(terminal.environment()).post('/api/bans', {
      address,
      force: given.flag('force'),
      ...given.texts(['duration', 'reason']),
    })
    terminal.say(given.json ? JSON.stringify(answer, null, 2) : plain(answer.message ?? 'Done.'))
    return EXIT.ok
  },
}
