import { isListEdge } from './list-edge.ts'

/** One address or prefix, held for reasons; it ends with the last of them. The record's id is `address`. */
export interface Ban {
  /** Canonical text of a term: an address, a CIDR, or (a person's entry only) a range `a..b`. */
  readonly address: string
  /** Which offence of this address the automatic reason answers, from 1; 0 without one. */
  readonly offence: number
  readonly reasons: readonly Reason[]
  /** ISO 8601, as all times here. */
  readonly createdAt: string
  /** Newest event that named the address. */
  readonly lastSeen: string
  /** By edge name; an edge that never held it has no entry. */
  readonly edges: Readonly<Record<string, Holding>>
  /** When an edge last ceased to hold it; absent: none ever did. */
  readonly heldUntil?: string
}

/** Why a ban stands. At most one of origin `alert`, one per operator, one per edge at which a person's entry was found. */
export interface Reason {
  readonly origin: 'alert' | 'operator' | 'edge'
  /** The alert that began it, the operator's name, or the edge's name. */
  readonly id: string
  readonly note: string
  readonly at: string
  /** Milliseconds from the moment the ban is first held; null: for ever. */
  readonly durationMs: number | null
  /** null while the clock has not started, and for ever where `durationMs` is null. */
  readonly until: string | null
  /** Names of the edges where it is wanted; null: all. */
  readonly edges: readonly string[] | null
  /** The guard that an operator overruled with it, for the reason in `note`; absent: none. */
  readonly forced?: Forcible
}

/** Guards that a person may overrule by hand. Too broad is asked last: who overruled another has overruled that, too. */
export type Forcible = 'allowlisted' | 'too-broad'

export interface Holding {
  readonly held: boolean
  readonly since: string
  /** Why it is not held (`edge-full`, `edge-disabled`, `displaced`, …); '' when it is. */
  readonly why: string
}

export function isLive(reason: Reason, now: Date): boolean {
  return reason.until === null || reason.until > now.toISOString()
}

/** Over: its last reason has ended, and the edges may let go. */
export function isOver(ban: Ban, now: Date): boolean {
  return !ban.reasons.some((reason) => isLive(reason, now))
}

export function isWantedOn(ban: Ban, edge: string, now: Date): boolean {
  return ban.reasons.some((r) => isLive(r, now) && isMeantFor(r, edge))
}

/** A list serves all zones at once: what is wanted on one of them is wanted there, but for entries of people in a zone's own rule. */
function isMeantFor({ edges, origin }: Reason, edge: string): boolean {
  return edges === null || edges.includes(edge) || (isListEdge(edge) && origin !== 'edge')
}

/** Held automatically and for nothing else: the guards of every pass apply to it. */
export function isAutomatic(ban: Ban, now: Date): boolean {
  return ban.reasons.every((r) => r.origin === 'alert' || !isLive(r, now))
}

/** Addresses that we ban at this edge for reasons of our own, and those that others entered there; some are both. */
export function whoseOn(bans: readonly Ban[], edge: string, now: Date): { ours: Set<string>; theirs: Set<string> } {
  const live = bans.flatMap(({ address, reasons }) =>
    reasons.filter((r) => isLive(r, now) && isMeantFor(r, edge)).map(({ origin }) => ({ address, origin })),
  )
  const addressesOf = (some: typeof live) => new Set(some.map(({ address }) => address))
  return {
    ours: addressesOf(live.filter(({ origin }) => origin !== 'edge')),
    theirs: addressesOf(live.filter(({ origin }) => origin === 'edge')),
  }
}

/** Lower goes first when room of this edge is given out: people's entries, operators' bans, automatic ones. */
export function rankOn(ban: Ban, edge: string, now: Date): 0 | 1 | 2 {
  const live = ban.reasons.filter((r) => isLive(r, now) && isMeantFor(r, edge))
  if (live.some((r) => r.origin === 'edge')) return 0
  return live.some((r) => r.origin === 'operator') ? 1 : 2
}

/** When the last reason ends: null for ever or not yet known. */
export function endOf(ban: Ban): string | null {
  const ends = ban.reasons.map((r) => r.until)
  return ends.includes(null) ? null : (ends.sort().at(-1) ?? null)
}

/** When its automatic reason ends or ended: null for ever, not yet known, or never. */
export function automaticEndOf(ban: Ban): string | null {
  return ban.reasons.find((r) => r.origin === 'alert')?.until ?? null
}

/** The ban with this reason in the place of an earlier one of the same origin and id (of any id for `alert`). */
export function withReason(ban: Ban, reason: Reason): Ban {
  const others = ban.reasons.filter(
    (r) => r.origin !== reason.origin || (reason.origin !== 'alert' && r.id !== reason.id),
  )
  return { ...ban, reasons: [...others, reason] }
}

export function newBan(address: string, now: Date): Ban {
  const at = now.toISOString()
  return { address, offence: 0, reasons: [], createdAt: at, lastSeen: at, edges: {} }
}

/** What a pass over `edge` found. A ban's clock starts when it is first held, wherever that is. */
export function withHolding(ban: Ban, edge: string, held: boolean, why: string, now: Date): Ban {
  const before = ban.edges[edge]
  if (before?.held === held && before.why === why && !(held && clockStopped(ban))) return ban
  const since = before?.held === held ? before.since : now.toISOString()
  const next = { ...ban, edges: { ...ban.edges, [edge]: { held, since, why } } }
  if (held) return { ...next, reasons: ban.reasons.map((r) => startClock(r, now)) }
  return before?.held ? { ...next, heldUntil: now.toISOString() } : next
}

export function withoutEdge(ban: Ban, edge: string): Ban {
  const { [edge]: _, ...edges } = ban.edges
  return { ...ban, edges }
}

function clockStopped(ban: Ban): boolean {
  return ban.reasons.some((r) => r.until === null && r.durationMs !== null)
}

function startClock(reason: Reason, now: Date): Reason {
  if (reason.until !== null || reason.durationMs === null) return reason
  return { ...reason, until: new Date(now.getTime() + reason.durationMs).toISOString() }
}
