import { formatDuration } from '../core/duration.ts'
import type { Past, PastBan, Peak } from '../core/past.ts'
import { table } from './table.ts'
import { plain, type Terminal } from './terminal.ts'

const MOST_BANS = 40

/** The replayed past for people: what became of the alerts, who was banned, what room and quota it took, who was spared. */
export function pastPage(past: Past, { paint }: Pick<Terminal, 'paint'>): string {
  const { alerts, outcomes, rules, quota } = past
  const head = (text: string) => paint('bold', text)
  const parts = [
    [
      plain(`Asked: ${past.against}. Nothing was changed.`),
      ...past.notes.map((note) => plain(`Note: ${note}`)),
      `From ${moment(past.since)} to ${moment(past.until)}`,
    ],
    [
      head(counted(alerts.read, 'alert')),
      ...Object.entries(outcomes).map(([outcome, count]) => plain(`  ${pad(count)}  ${outcome}`)),
      ...some(alerts.unanswered, 'answered by no playbook'),
      ...some(alerts.invalid, 'cannot be read'),
      ...some(alerts.withoutAddress, 'of these without an address: see docs/elastic.md'),
      ...some(alerts.waited, 'of these waited, open, for room at the edge'),
    ],
    rules.length === 0
      ? []
      : [
          head('By rule'),
          indented(
            table(
              ['rule', 'alerts', 'what became of them'],
              rules.map((each) => [each.rule, String(each.alerts), listed(each.outcomes)]),
            ),
          ),
        ],
    bansOf(past, head),
    [
      head('Room'),
      ...past.edges.map(({ edge, unit, limit, peak, waiting }) => {
        const of = limit === null ? unit : `of ${limit} ${unit}`
        return plain(`  ${edge}: at most ${peak.count} ${of}${on(peak)}; ${waited(waiting)}`)
      }),
    ],
    [
      head('Quota'),
      `  at most ${quota.peak.count} new bans in an hour, of ${quota.limit} (MAX_BANS_PER_HOUR)${on(quota.peak)}`,
      quota.refusedAlerts === 0
        ? '  it was never spent'
        : `  ${paint('yellow', `${counted(quota.refusedAlerts, 'alert')} met a spent quota, and would have waited for a person`)}`,
    ],
    past.refused.length === 0
      ? [head('Refused'), '  nobody']
      : [
          head('Refused'),
          ...past.refused.flatMap(({ refusal, alerts: count, suspects, more, examples }) => [
            plain(`  ${refusal}: ${counted(count, 'alert')}, ${more ? 'more than ' : ''}${named(suspects, refusal)}`),
            ...examples.map((e) =>
              plain(`    ${e.alerts} × ${e.detail.includes(e.suspect) ? '' : `${e.suspect}: `}${e.detail}`),
            ),
          ]),
        ],
  ]
  return parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')
}

function bansOf({ bans }: Past, head: (text: string) => string): string[] {
  const { total, repeated, peak, addresses } = bans
  if (total === 0) return [head('Nobody would have been banned')]
  const left = addresses.length - MOST_BANS
  return [
    head(`${counted(total, 'ban')} of ${counted(addresses.length, 'address')}`),
    `  ${repeated} of them for a further offence; at most ${peak.count} at once${on(peak)}`,
    indented(
      table(['address', 'bans', 'in all', 'alerts', 'first', 'rules'], addresses.slice(0, MOST_BANS).map(banRow)),
    ),
    ...(left > 0 ? [`  and ${left} more: -o json has them all`] : []),
  ]
}

function banRow({ address, bans, totalMs, alerts, first, rules }: PastBan): string[] {
  return [address, String(bans), formatDuration(totalMs), String(alerts), moment(first), rules.join(', ')]
}

function on({ at }: Peak): string {
  return at === null ? '' : `, on ${moment(at)}`
}

function waited(waiting: Peak): string {
  return waiting.count === 0
    ? 'nobody waited for room'
    : `up to ${counted(waiting.count, 'ban')} waited for room${on(waiting)}`
}

function named(suspects: number, refusal: string): string {
  return refusal === 'no-address' ? 'no address in them' : counted(suspects, 'address')
}

function some(count: number, what: string): string[] {
  return count === 0 ? [] : [`  ${pad(count)}  ${what}`]
}

function listed(outcomes: Readonly<Record<string, number>>): string {
  return Object.entries(outcomes)
    .map(([outcome, count]) => `${count} ${outcome}`)
    .join(', ')
}

function moment(iso: string): string {
  return `${iso.slice(0, 16).replace('T', ' ')} UTC`
}

function pad(count: number): string {
  return String(count).padStart(7)
}

function indented(text: string): string {
  return text.replace(/^/gm, '  ')
}

function counted(count: number, noun: string): string {
  return `${count} ${count === 1 ? noun : noun === 'address' ? 'addresses' : `${noun}s`}`
}
