import { coveredByOne } from './address-set.ts'
import { type Ban, isWantedOn, withHolding, withoutEdge } from './ban.ts'

/** What a pass found at its end. */
export interface Found {
  readonly edge: string
  /** `ok`, or the state that keeps the edge from holding anything. */
  readonly state: string
  /** Terms that the rule now lists. */
  readonly terms: readonly string[]
  /** Addresses that the pass considered: a ban that came to be since then is the next pass's. */
  readonly considered: ReadonlySet<string>
  readonly displaced: ReadonlySet<string>
  readonly observing: boolean
  readonly now: Date
}

/** Held or waiting, and why: the bans whose entry for this edge changes. Repeating it changes nothing. */
export function verdicts(bans: readonly Ban[], found: Found): Ban[] {
  const { edge, state, displaced, now } = found
  const isListed = coveredByOne(found.terms)
  return bans.flatMap((ban) => {
    const next = !isWantedOn(ban, edge, now)
      ? edge in ban.edges
        ? withoutEdge(ban, edge)
        : ban
      : !found.considered.has(ban.address)
        ? ban
        : state !== 'ok'
          ? withHolding(ban, edge, false, state, now)
          : isListed(ban.address)
            ? withHolding(ban, edge, true, '', now)
            : withHolding(ban, edge, false, whyNot(ban.address, displaced, found.observing), now)
    return next === ban ? [] : [next]
  })
}

function whyNot(address: string, displaced: ReadonlySet<string>, observing: boolean): string {
  if (displaced.has(address)) return 'displaced'
  return observing ? 'observing' : 'edge-full'
}
