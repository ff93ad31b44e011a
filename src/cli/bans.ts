import type { BanView } from '../ops/ban-view.ts'
import { exportBans, importBans } from './bans-file.ts'
import { type Answer, createClient } from './client.ts'
import { type Command, OUTPUT, queryOf, wrong } from './command.ts'
import { underPause } from './paused.ts'
import { relative, table } from './table.ts'
import { EXIT, plain, type Terminal } from './terminal.ts'

export const bans: Command = {
  name: 'bans',
  usage: '[ADDRESS] | export [FILE] | import FILE',
  summary: 'who is banned, until when and why',
  help: `
Lists the bans, the last seen first. With an ADDRESS: the ban of it, and those
of wider prefixes that cover it, with every reason; exit code 3 when there is
none.

  portcullis bans --state waiting        what has no place at the edge yet
  portcullis bans --origin edge          what people put into the rule by hand
  portcullis bans 198.51.100.7

\`export\` writes bans, ends, offences and the allowlist as JSON, to the output or
a new FILE: a backup, and the way to another store. \`import\` (- for what is
piped in) takes it, as often as you like; who must not be banned is refused by
name (exit code 1), and a broken file as a whole (exit code 2).

  portcullis bans export bans.json`,
  options: {
    state: { type: 'string', value: 'STATE', help: 'held, waiting or ended' },
    origin: { type: 'string', value: 'ORIGIN', help: 'alert, operator or edge' },
    edge: { type: 'string', value: 'EDGE', help: 'only those wanted there' },
    sort: { type: 'string', value: 'ORDER', help: 'last-seen (default), created, until or address' },
    limit: { type: 'string', value: 'N', help: 'at most so many (default 1000)' },
    ...OUTPUT,
  },
  words: 2,
  async run(given, terminal) {
    const [address, file] = given.words
    if (address === 'export') return exportBans(file, terminal)
    if (address === 'import' && file !== undefined) return importBans(file, given, terminal)
    if (address === 'import') throw wrong(bans, 'the file is missing: portcullis bans import FILE')
    if (file !== undefined) throw wrong(bans, `too many arguments: ${file}`)
    const client = createClient(terminal.environment())
    if (address !== undefined) {
      const answer = await client.get(`/api/bans?address=${encodeURIComponent(address)}`)
      terminal.say(
        given.json ? JSON.stringify(answer, null, 2) : underPause(answer, detail(answer, terminal), terminal),
      )
      return EXIT.ok
    }
    const query = queryOf(given, ['state', 'origin', 'edge', 'sort', 'limit'])
    const answer = await client.get(`/api/bans?${query}`)
    terminal.say(given.json ? JSON.stringify(answer, null, 2) : underPause(answer, list(answer, terminal), terminal))
    return EXIT.ok
  },
}

function list(answer: Answer, { now }: Terminal): string {
  const { total, bans } = answer as unknown as { total: number; bans: readonly BanView[] }
  if (total === 0) return 'No bans.'
  const rows = bans.map((ban) => [
    ban.address,
    stateOf(ban),
    untilOf(ban, now()),
    ban.origins.join(' '),
    relative(ban.lastSeen, now()),
    ban.reasons.map((reason) => reason.note || reason.id).join('; '),
  ])
  const page = table(['ADDRESS', 'STATE', 'ENDS', 'ORIGIN', 'LAST SEEN', 'REASON'], rows)
  return bans.length < total ? `${page}\n${bans.length} of ${total}; --limit shows more.` : page
}

function detail(answer: Answer, terminal: Terminal): string {
  return detailOf((answer as unknown as { bans: readonly BanView[] }).bans, terminal)
}

/** Each ban with its reasons and where it is held. */
export function detailOf(bans: readonly BanView[], { now, paint }: Pick<Terminal, 'now' | 'paint'>): string {
  return bans
    .map((ban) =>
      [
        `${paint('bold', plain(ban.address))}  ${plain(stateOf(ban))}, ends: ${untilOf(ban, now())}${ban.offence > 0 ? `, offence ${ban.offence}` : ''}`,
        table(
          ['  REASON', 'BY', 'SINCE', 'ENDS'],
          ban.reasons.map((reason) => [
            `  ${reason.note || '-'}${reason.forced === undefined ? '' : ` (forced: ${reason.forced})`}`,
            `${reason.origin} ${reason.id}`,
            relative(reason.at, now()),
            reason.until === null
              ? reason.durationMs === null
                ? 'never'
                : 'clock not started'
              : relative(reason.until, now()),
          ]),
        ),
        table(
          ['  EDGE', 'STATE', 'SINCE'],
          Object.entries(ban.edges).map(([edge, holding]) => [
            `  ${edge}`,
            holding.held ? 'held' : `waiting: ${holding.why}`,
            relative(holding.since, now()),
          ]),
        ),
      ].join('\n'),
    )
    .join('\n\n')
}

function stateOf(ban: BanView): string {
  const why = new Set(Object.values(ban.edges).flatMap((holding) => (holding.held ? [] : [holding.why])))
  return ban.state === 'waiting' && why.size > 0 ? `waiting: ${[...why].join(' ')}` : ban.state
}

function untilOf(ban: BanView, now: Date): string {
  if (ban.until !== null) return relative(ban.until, now)
  return ban.reasons.some((reason) => reason.until === null && reason.durationMs === null)
    ? 'never'
    : 'clock not started'
}
