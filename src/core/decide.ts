import type { Alert } from './alert.ts'
import { type Ban, isLive, newBan, withReason } from './ban.ts'
import { type GuardFacts, judge, type Refusal } from './guards.ts'

/** Remembered of an address after its automatic ban: which offence it was and when it ended. */
export interface Offence {
  readonly address: string
  readonly count: number
  readonly endedAt: string
  readonly how: string
}

export interface BlockFacts {
  readonly alert: Alert
  /** Milliseconds of the first, second, … ban, the last repeats; null: for ever. */
  readonly durations: readonly (number | null)[]
  /** Names of the edges where the ban is wanted; null: all. */
  readonly edges: readonly string[] | null
  readonly guards: GuardFacts
  readonly bans: ReadonlyMap<string, Ban>
  readonly offences: ReadonlyMap<string, Offence>
  /** New bans that may still be made in this hour. */
  readonly quotaLeft: number
  readonly now: Date
}

export interface BlockDecision {
  /** Bans to write: new, or with a newer last-seen. */
  readonly bans: readonly Ban[]
  /** Addresses that have to be held before the alert may be acknowledged. */
  readonly wanted: readonly string[]
  readonly refused: readonly RefusedSuspect[]
  /** How many of `bans` are really new and spend the quota. */
  readonly spent: number
}

export interface RefusedSuspect {
  readonly suspect: string
  readonly address: string | null
  readonly refusal: Refusal
  readonly detail: string
}

/** Which of the alert's suspects are to be banned, for how long, and why the others are not. */
export function decideBlock(facts: BlockFacts): BlockDecision {
  const refused: RefusedSuspect[] = []
  const decided = new Map<string, Ban | null>()
  let spent = 0
  if (facts.alert.suspects.length === 0) {
    refused.push({ suspect: '', address: null, refusal: 'no-address', detail: 'the alert names no source.ip' })
  }
  for (const suspect of facts.alert.suspects) {
    const judgement = judge(suspect, facts.guards)
    if (judgement.kind === 'refused') {
      const { refusal, detail } = judgement
      refused.push({ suspect, address: judgement.address?.text ?? null, refusal, detail })
      continue
    }
    const address = judgement.address.text
    if (decided.has(address)) continue
    const standing = facts.bans.get(address)
    const reason = standing?.reasons.find((r) => r.origin === 'alert' && isLive(r, facts.now))
    if (standing !== undefined && reason !== undefined) decided.set(address, refreshed(standing, facts))
    else if (spent < facts.quotaLeft) {
      decided.set(address, begun(address, facts))
      spent++
    } else {
      const detail =
        'more new bans in this hour than MAX_BANS_PER_HOUR allows: look whether a rule has gone mad, then replay'
      refused.push({ suspect, address, refusal: 'quota-spent', detail })
    }
  }
  return { bans: [...decided.values()].filter((b) => b !== null), wanted: [...decided.keys()], refused, spent }
}

/** The same offence goes on: one reason, one end, only "last seen" moves; null: nothing to write. */
function refreshed(ban: Ban, { alert, edges, now }: BlockFacts): Ban | null {
  const seen = seenAt(alert, now)
  const reasons = ban.reasons.map((r) => (r.origin === 'alert' ? { ...r, edges: union(r.edges, edges) } : r))
  if (seen <= ban.lastSeen && JSON.stringify(reasons) === JSON.stringify(ban.reasons)) return null
  return { ...ban, reasons, lastSeen: seen > ban.lastSeen ? seen : ban.lastSeen }
}

function begun(address: string, { alert, bans, offences, durations, edges, now }: BlockFacts): Ban {
  const seen = seenAt(alert, now)
  const before = bans.get(address) ?? newBan(address, now)
  const past = lastOffence(address, before, offences)
  // An event from before the end of the last ban belongs to the offence that the ban answered.
  const offence = past === null ? 1 : seen <= past.endedAt ? past.count : past.count + 1
  const durationMs = durations[Math.min(offence, durations.length) - 1] ?? null
  const reason = {
    origin: 'alert' as const,
    id: alert.id,
    note: alert.rule.name,
    at: now.toISOString(),
    durationMs,
    edges,
  }
  return withReason({ ...before, offence, lastSeen: seen }, { ...reason, until: clockOf(before, durationMs, now) })
}

/** When the event happened; a sender's clock that runs ahead must not outlive ours. */
function seenAt(alert: Alert, now: Date): string {
  const time = Date.parse(alert.time ?? '')
  return new Date(Number.isNaN(time) ? now.getTime() : Math.min(time, now.getTime())).toISOString()
}

/** On a ban that is held already, for another reason, the clock starts at once. */
function clockOf(ban: Ban, durationMs: number | null, now: Date): string | null {
  const held = Object.values(ban.edges).some((holding) => holding.held)
  return held && durationMs !== null ? new Date(now.getTime() + durationMs).toISOString() : null
}

function lastOffence(address: string, ban: Ban, offences: ReadonlyMap<string, Offence>): Offence | null {
  const ended = ban.reasons.find((r) => r.origin === 'alert')
  if (ended?.until) return { address, count: ban.offence, endedAt: ended.until, how: 'ended' }
  return offences.get(address) ?? null
}

function union(a: readonly string[] | null, b: readonly string[] | null): readonly string[] | null {
  return a === null || b === null ? null : [...new Set([...a, ...b])]
}
