import { isListEdge } from '../core/list-edge.ts'
import type { Why } from '../ops/why.ts'
import { detailOf } from './bans.ts'
import { createClient } from './client.ts'
import { type Command, OUTPUT, wrong } from './command.ts'
import { placeOf } from './history.ts'
import { underPause } from './paused.ts'
import { relative, table } from './table.ts'
import { EXIT, plain, type Terminal } from './terminal.ts'

export const why: Command = {
  name: 'why',
  usage: 'ADDRESS',
  summary: 'all that is known of an address: bans, alerts, who, when',
  help: `
Why is this one blocked, or why not? Its ban, or that of the prefix around it,
with every reason and end; earlier offences; whether it was released or is a
friend; the alerts that named it and what became of them; what people and
passes did to it, and which version of the ruleset came of that; and whether
each edge lists it. Exit code 3: nothing is known.

  portcullis why 198.51.100.7`,
  options: OUTPUT,
  words: 1,
  async run(given, terminal) {
    const [address] = given.words
    if (address === undefined) throw wrong(why, 'an address is missing')
    const answer = await createClient(terminal.environment()).get(`/api/why?address=${encodeURIComponent(address)}`)
    const page = pageOf(answer as unknown as Why, terminal)
    terminal.say(given.json ? JSON.stringify(answer, null, 2) : underPause(answer, page, terminal))
    return EXIT.ok
  },
}

function pageOf(found: Why, terminal: Terminal): string {
  const { paint, now } = terminal
  const title = (text: string) => paint('bold', text)
  const { bans, offences, released, guarded, alerts, alertsTotal, history, edges } = found
  const more = alertsTotal > alerts.length ? ` (the newest ${alerts.length} of ${alertsTotal})` : ''
  const parts = [
    plain(found.message),
    ...(bans.length === 0 ? [] : [detailOf(bans, terminal)]),
    // A release has a line of its own.
    ...(guarded === null || guarded.refusal === 'released'
      ? []
      : [`An alert could not ban it now: ${plain(guarded.refusal)} (${plain(guarded.detail)})`]),
    ...released.map((r) =>
      plain(`Released ${relative(r.at, now())}; automatic bans of ${r.address} are refused until ${r.until}`),
    ),
    ...(offences.length === 0
      ? []
      : [
          `${title('Offences')}\n${table(
            ['  ADDRESS', 'OFFENCE', 'ENDED', 'HOW'],
            offences.map((o) => [`  ${o.address}`, String(o.count), relative(o.endedAt, now()), o.how]),
          )}`,
        ]),
    ...(alerts.length === 0
      ? []
      : [
          `${title('Alerts')}${more}\n${table(
            ['  ALERT', 'WHEN', 'OUTCOME', 'THIS ADDRESS', 'RULE'],
            alerts.map((a) => [
              `  ${a.id}`,
              relative(a.at, now()),
              a.outcome ?? `at work${a.waiting === null ? '' : `: ${a.waiting}`}`,
              a.refusal ?? (a.decided ? 'wanted' : 'undecided'),
              a.rule,
            ]),
          )}`,
        ]),
    ...(history.length === 0
      ? []
      : [
          `${title('History')}\n${table(
            ['  WHEN', 'WHAT', 'EDGE, VERSION', 'BY', 'WHY'],
            history.map((h) => [`  ${relative(h.at, now())}`, h.kind, placeOf(h), h.by, h.detail ?? '']),
          )}`,
        ]),
    `${title('Edges')}\n${table(
      ['  EDGE', 'LISTS IT', 'READ'],
      edges.map((e) => [`  ${e.edge}`, e.lists ?? byList(found, e.edge) ?? 'no', relative(e.readAt, now())]),
    )}`,
  ]
  return parts.join('\n\n')
}

/** A zone's rule may name the list in the place of the address. */
function byList({ bans, edges }: Why, edge: string): string | null {
  const list = edges.find(({ edge: name, lists }) => isListEdge(name) && lists !== null)
  return list !== undefined && bans.some((ban) => ban.edges[edge]?.held) ? `by ${list.edge}` : null
}
