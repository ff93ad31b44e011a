import { type Ban, isWantedOn, withHolding } from './ban.ts'
import type { Offence } from './decide.ts'
import { expressionLength, serializeExpression } from './expression/serialize.ts'
import { offenceOf } from './offence.ts'
import { plan } from './plan.ts'
import { type StandingFacts, sweep } from './sweep.ts'

/** Where bans would have been written. `limit`: characters of the rule; null: a list, of which only the items are counted. */
export interface PastEdge {
  readonly name: string
  readonly limit: number | null
}

/** A ledger in memory whose clock is moved by who replays the past: a ban is held at once where it has room. */
export interface PastLedger {
  readonly bans: Map<string, Ban>
  readonly offences: Map<string, Offence>
  /** Ends what ends until then, each at its time, and moves up what waited. */
  advance(to: Date): void
  /** Finds room for bans that were just decided. */
  settle(decided: readonly Ban[], now: Date): void
}

export interface PastLedgerFacts extends Omit<StandingFacts, 'now'> {
  readonly edges: readonly PastEdge[]
  /** How long offences are remembered, ms. */
  readonly offenceMemoryMs: number
  /** A ban was first held. */
  readonly onBegun: (ban: Ban, now: Date) => void
  /** After each change: how many bans are held anywhere, and what each edge has. */
  readonly onPass: (held: number, rooms: readonly Room[], now: Date) => void
}

export interface Room {
  readonly edge: string
  readonly used: number
  readonly waiting: number
}

const DAY_MS = 24 * 3600_000

export function createPastLedger(facts: PastLedgerFacts): PastLedger {
  const bans = new Map<string, Ban>()
  const offences = new Map<string, Offence>()
  /** When the next thing happens to a ban by itself, ms. */
  const due = new Map<string, number>()
  const peaks = new Map(facts.edges.map(({ name }) => [name, 0]))
  let nextDue = Number.POSITIVE_INFINITY
  let forgotten = 0

  function pass(now: Date): void {
    const over = [...due].filter(([, at]) => at <= now.getTime()).flatMap(([address]) => bans.get(address) ?? [])
    const { put, gone } = sweep(over, { ...facts, now })
    for (const ban of put) bans.set(ban.address, ban)
    for (const { ban, how } of gone) {
      bans.delete(ban.address)
      due.delete(ban.address)
      const offence = offenceOf(ban, how, now)
      if (offence !== null) offences.set(ban.address, offence)
    }
    const rooms = facts.edges.map((edge) => fill(edge, now))
    nextDue = Number.POSITIVE_INFINITY
    let held = 0
    for (const ban of bans.values()) {
      if (isHeld(ban)) held++
      const at = nextOf(ban, facts.maxAlertAgeMs)
      due.set(ban.address, at)
      nextDue = Math.min(nextDue, at)
    }
    facts.onPass(held, rooms, now)
  }

  function fill(edge: PastEdge, now: Date): Room {
    const wanted = [...bans.values()].filter((ban) => isWantedOn(ban, edge.name, now))
    const { waiting, used } = roomFor(edge, wanted, peaks.get(edge.name) ?? 0, now)
    peaks.set(edge.name, Math.max(peaks.get(edge.name) ?? 0, used))
    for (const ban of wanted) {
      const waits = waiting.has(ban.address)
      const next = withHolding(ban, edge.name, !waits, waits ? 'edge-full' : '', now)
      if (next === ban) continue
      bans.set(ban.address, next)
      if (!isHeld(ban) && isHeld(next)) facts.onBegun(next, now)
    }
    return { edge: edge.name, used, waiting: waiting.size }
  }

  function forget(now: Date): void {
    if (now.getTime() - forgotten < DAY_MS) return
    forgotten = now.getTime()
    const oldest = new Date(now.getTime() - facts.offenceMemoryMs).toISOString()
    for (const [address, { endedAt }] of offences) if (endedAt < oldest) offences.delete(address)
  }

  return {
    bans,
    offences,
    advance(to) {
      while (nextDue <= to.getTime()) pass(new Date(nextDue))
      forget(to)
    },
    settle(decided, now) {
      const settled = ({ address }: Ban) => {
        const ban = bans.get(address)
        return (
          ban !== undefined && facts.edges.every(({ name }) => !isWantedOn(ban, name, now) || ban.edges[name]?.held)
        )
      }
      if (!decided.every(settled)) pass(now)
    },
  }
}

/** Who has no room, and how much the others take. */
function roomFor(
  { name, limit }: PastEdge,
  bans: readonly Ban[],
  peak: number,
  now: Date,
): { readonly waiting: ReadonlySet<string>; readonly used: number } {
  if (limit === null) return { waiting: new Set(), used: bans.length }
  const most = EMPTY + bans.reduce((sum, { address }) => sum + expressionLength(address) + 1, 0)
  // Planning is slow. What takes no more than has fitted before fits, and is no new peak.
  if (most <= peak) return { waiting: new Set(), used: most }
  const planned = plan({ edge: name, bans, current: [], clauses: [], limit, observing: false, now })
  return { waiting: new Set([...planned.waiting, ...planned.displaced]), used: planned.used }
}

// An expression without terms, less the blank that the first term does not need.
const EMPTY = expressionLength(serializeExpression({ terms: ['::'], clauses: [] })) - '::'.length - 1

function isHeld(ban: Ban): boolean {
  return Object.values(ban.edges).some(({ held }) => held)
}

/** When it ends, or lapses for want of room, ms. */
function nextOf(ban: Ban, maxAlertAgeMs: number): number {
  const waits = !isHeld(ban) && ban.heldUntil === undefined
  const times = ban.reasons.map((reason) => {
    if (reason.until !== null) return Date.parse(reason.until)
    return waits ? Date.parse(reason.at) + maxAlertAgeMs : Number.POSITIVE_INFINITY
  })
  return Math.min(...times)
}
