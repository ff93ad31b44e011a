import { createClient } from './client.ts'
import { type Command, OUTPUT, wrong } from './command.ts'
import { EXIT, plain } from './terminal.ts'

export const ban: Command = {
  name: 'ban',
  usage: 'ADDRESS -R REASON [-d DURATION]',
  summary: 'ban an address or prefix by hand, on all edges',
  help: `
Bans an IPv4 or IPv6 address or CIDR (at the widest /8 or /32) on every edge,
and says whether it is held. Private addresses, Cloudflare's own and those on
ALLOWLIST are refused by name.

  portcullis ban 198.51.100.7 -R "scans us since Monday" -d 7d`,
  options: {
    duration: { type: 'string', short: 'd', value: 'DURATION', help: '30m, 24h (default), 7d, … or forever' },
    reason: { type: 'string', short: 'R', value: 'REASON', help: 'why, for those who come after (required)' },
    ...OUTPUT,
  },
  words: 1,
  async run(given, terminal) {
    const [address] = given.words
    const reason = given.text('reason')
    const duration = given.text('duration')
    if (address === undefined) throw wrong(ban, 'an address is missing')
    if (reason === null) throw wrong(ban, 'a reason is missing: -R "why"')
    const order = { address, reason, ...(duration === null ? {} : { duration }) }
    const answer = await createClient(terminal.environment()).post('/api/bans', order)
    terminal.say(given.json ? JSON.stringify(answer, null, 2) : plain(answer.message ?? 'Done.'))
    return EXIT.ok
  },
}

export const unban: Command = {
  name: 'unban',
  usage: 'ADDRESS [-R REASON]',
  summary: 'lift a ban wholly, now, on all edges',
  help: `
Lifts every reason of the ban, takes it out of the rule, and verifies that it is
gone (exit code 1 when an edge could not be verified). Alerts cannot ban the
address again for RELEASE_FOR.

  portcullis unban 198.51.100.7 -R "our new office"`,
  options: {
    reason: { type: 'string', short: 'R', value: 'REASON', help: 'why, for the history' },
    ...OUTPUT,
  },
  words: 1,
  async run(given, terminal) {
    const [address] = given.words
    if (address === undefined) throw wrong(unban, 'an address is missing')
    const reason = given.text('reason')
    const path = `/api/bans/${encodeURIComponent(address)}`
    const answer = await createClient(terminal.environment()).delete(path, reason === null ? {} : { reason })
    terminal.say(given.json ? JSON.stringify(answer, null, 2) : plain(answer.message ?? 'Done.'))
    return answer.verified === true ? EXIT.ok : EXIT.failed
  },
}
