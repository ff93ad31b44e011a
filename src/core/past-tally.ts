import type { Ban } from './ban.ts'
import type { RefusedSuspect } from './decide.ts'
import { REFUSALS, type Refusal } from './guards.ts'
import type { Past, PastBan, PastRefusal, PastRoom, PastRule, Peak } from './past.ts'
import type { PastEdge, Room } from './past-room.ts'

/** Counts what happens while the past is replayed; its memory grows with banned addresses and rules, not with alerts. */
export interface Tally {
  outcome(rule: string, outcome: string, alerts: number): void
  /** An alert wanted these, and these were refused. */
  decided(rule: string, wanted: readonly string[], refused: readonly RefusedSuspect[]): void
  begun(ban: Ban, now: Date): void
  held(held: number, rooms: readonly Room[], now: Date): void
  quota(spent: number, now: Date): void
  counts(): Pick<Past, 'outcomes' | 'rules' | 'bans' | 'edges' | 'refused'> & {
    readonly withoutAddress: number
    readonly quota: Omit<Past['quota'], 'limit'>
  }
}

export function createTally(edges: readonly PastEdge[]): Tally {
  const rules = new Map<string, Map<string, number>>()
  const bans = new Map<string, Tallied>()
  const wants = new Map<string, Wants>()
  const refusals = new Map<Refusal, Refused>()
  const peaks = { held: NEVER, quota: NEVER, used: new Map<string, Peak>(), waiting: new Map<string, Peak>() }
  return {
    outcome(rule, outcome, alerts) {
      const counted = rules.get(rule) ?? new Map<string, number>()
      rules.set(rule, counted.set(outcome, (counted.get(outcome) ?? 0) + alerts))
    },
    decided(rule, wanted, refused) {
      for (const address of wanted) noteWish(wants, address, rule)
      for (const [refusal, some] of Map.groupBy(refused, (r) => r.refusal)) noteRefusal(refusals, refusal, some)
    },
    begun(ban, now) {
      const durationMs = ban.reasons.find((reason) => reason.origin === 'alert')?.durationMs ?? null
      const before = bans.get(ban.address) ?? { bans: 0, totalMs: 0, offence: 0, first: now.toISOString(), last: '' }
      const totalMs = before.totalMs === null || durationMs === null ? null : before.totalMs + durationMs
      bans.set(ban.address, {
        ...before,
        ...{ bans: before.bans + 1, totalMs, offence: ban.offence, last: now.toISOString() },
      })
    },
    held(held, rooms, now) {
      peaks.held = higher(peaks.held, held, now)
      for (const { edge, used, waiting } of rooms) {
        peaks.used.set(edge, higher(peaks.used.get(edge), used, now))
        peaks.waiting.set(edge, higher(peaks.waiting.get(edge), waiting, now))
      }
    },
    quota(spent, now) {
      peaks.quota = higher(peaks.quota, spent, now)
    },
    counts: () => ({
      outcomes: sumOf([...rules.values()]),
      rules: [...rules].map(ruleOf).sort((a, b) => b.alerts - a.alerts || (a.rule < b.rule ? -1 : 1)),
      bans: {
        total: [...bans.values()].reduce((sum, each) => sum + each.bans, 0),
        repeated: [...bans.values()].reduce((sum, each) => sum + each.bans - 1, 0),
        peak: peaks.held,
        addresses: [...bans].map(([address, ban]) => banOf(address, ban, wants.get(address))).sort(worstFirst),
      },
      edges: edges.map(
        ({ name, limit }): PastRoom => ({
          ...{ edge: name, unit: limit === null ? 'items' : 'characters', limit },
          ...{ peak: peaks.used.get(name) ?? NEVER, waiting: peaks.waiting.get(name) ?? NEVER },
        }),
      ),
      quota: { peak: peaks.quota, refusedAlerts: refusals.get('quota-spent')?.alerts ?? 0 },
      withoutAddress: refusals.get('no-address')?.alerts ?? 0,
      refused: REFUSALS.flatMap((refusal) => {
        const some = refusals.get(refusal)
        return some === undefined ? [] : [refusalOf(refusal, some)]
      }),
    }),
  }
}

type Tallied = Pick<PastBan, 'bans' | 'totalMs' | 'offence' | 'first' | 'last'>

interface Wants {
  alerts: number
  readonly rules: Set<string>
}

interface Refused {
  alerts: number
  more: boolean
  readonly suspects: Map<string, { alerts: number; readonly detail: string }>
}

const NEVER: Peak = { count: 0, at: null }
// A scan with forged addresses must not fill the memory.
const MOST_SUSPECTS = 10_000
const MOST_RULES = 10
const EXAMPLES = 5

function higher(peak: Peak | undefined, count: number, now: Date): Peak {
  return count > (peak?.count ?? 0) ? { count, at: now.toISOString() } : (peak ?? NEVER)
}

function noteWish(wants: Map<string, Wants>, address: string, rule: string): void {
  const wish = wants.get(address) ?? { alerts: 0, rules: new Set() }
  wish.alerts++
  if (wish.rules.size < MOST_RULES) wish.rules.add(rule)
  wants.set(address, wish)
}

/** `some`: of one alert. */
function noteRefusal(refusals: Map<Refusal, Refused>, refusal: Refusal, some: readonly RefusedSuspect[]): void {
  const counted = refusals.get(refusal) ?? { alerts: 0, more: false, suspects: new Map() }
  counted.alerts++
  for (const { suspect, address, detail } of some) {
    const known = counted.suspects.get(address ?? suspect)
    if (known !== undefined) known.alerts++
    else if (counted.suspects.size < MOST_SUSPECTS) counted.suspects.set(address ?? suspect, { alerts: 1, detail })
    else counted.more = true
  }
  refusals.set(refusal, counted)
}

function sumOf(all: readonly ReadonlyMap<string, number>[]): Record<string, number> {
  const sum = new Map<string, number>()
  for (const [outcome, count] of all.flatMap((each) => [...each])) sum.set(outcome, (sum.get(outcome) ?? 0) + count)
  return Object.fromEntries([...sum].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)))
}

function ruleOf([rule, outcomes]: [string, ReadonlyMap<string, number>]): PastRule {
  return { rule, alerts: [...outcomes.values()].reduce((a, b) => a + b, 0), outcomes: sumOf([outcomes]) }
}

function banOf(address: string, ban: Tallied, wish: Wants | undefined): PastBan {
  return { address, ...ban, alerts: wish?.alerts ?? 0, rules: [...(wish?.rules ?? [])] }
}

function worstFirst(a: PastBan, b: PastBan): number {
  const [x, y] = [a.totalMs ?? Number.POSITIVE_INFINITY, b.totalMs ?? Number.POSITIVE_INFINITY]
  return b.bans - a.bans || (x === y ? 0 : y - x) || (a.address < b.address ? -1 : 1)
}

function refusalOf(refusal: Refusal, { alerts, more, suspects }: Refused): PastRefusal {
  const frequent = [...suspects].sort(([a, x], [b, y]) => y.alerts - x.alerts || (a < b ? -1 : 1)).slice(0, EXAMPLES)
  return {
    ...{ refusal, alerts, suspects: suspects.size, more },
    examples: frequent.map(([suspect, { alerts: times, detail }]) => ({ suspect, alerts: times, detail })),
  }
}
