import { type Ban, isLive, isWantedOn } from './ban.ts'
import type { Offence } from './decide.ts'

/** Where an alert's bans stand by now. `gone`: lifted, released or refused since; the alert is to be decided again. */
export type Standing =
  | { readonly kind: 'held' }
  | { readonly kind: 'waiting'; readonly why: string }
  | { readonly kind: 'gone' }

export interface StandingFacts {
  readonly wanted: readonly string[]
  readonly bans: ReadonlyMap<string, Ban>
  readonly offences: ReadonlyMap<string, Offence>
  /** Names of the edges where they are wanted. */
  readonly edges: readonly string[]
  /** When the alert was decided: a ban that ended by its own clock since then has done its work. */
  readonly since: string
  readonly now: Date
}

/** Held everywhere, or ended by its own clock since: that is what "acknowledged" says. */
export function standingOf(facts: StandingFacts): Standing {
  let waiting: string | null = null
  for (const address of facts.wanted) {
    const ban = facts.bans.get(address)
    const live = ban?.reasons.filter((r) => isLive(r, facts.now)) ?? []
    // What outlives the alert's own reason may be wanted elsewhere only.
    if (!live.some((r) => r.origin === 'alert') && endedByItself(address, ban, facts)) continue
    if (ban === undefined || live.length === 0) return { kind: 'gone' }
    for (const edge of facts.edges) {
      const holding = ban.edges[edge]
      if (holding?.held) continue
      if (!isWantedOn(ban, edge, facts.now)) return { kind: 'gone' }
      waiting ??= holding?.why || 'not-settled'
    }
  }
  return waiting === null ? { kind: 'held' } : { kind: 'waiting', why: waiting }
}

/** Whether one of the bans came to its end, or never got a place, before it was held everywhere. */
export function hasLapsed(facts: StandingFacts): boolean {
  return facts.wanted.some((address) => {
    const ban = facts.bans.get(address)
    if (ban?.reasons.some((r) => r.origin === 'alert' && isLive(r, facts.now))) return false
    const offence = facts.offences.get(address)
    return (
      ban !== undefined ||
      endedByItself(address, ban, facts) ||
      (offence?.how === 'lapsed' && offence.endedAt >= facts.since)
    )
  })
}

function endedByItself(address: string, ban: Ban | undefined, { offences, since, now }: StandingFacts): boolean {
  // Over, but not yet swept out by a pass.
  if (ban?.reasons.some((r) => r.origin === 'alert') || ban?.reasons.every((r) => !isLive(r, now))) return true
  const offence = offences.get(address)
  return offence !== undefined && offence.how === 'ended' && offence.endedAt >= since
}
