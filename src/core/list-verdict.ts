import { type Ban, isWantedOn, withHolding, withoutEdge } from './ban.ts'

/** What a pass over a list found at its end. */
export interface ListFound {
  readonly edge: string
  /** What the list now holds, and will go on holding. */
  readonly holds: (address: string) => boolean
  /** Addresses that the pass considered: a ban that came to be since then is the next pass's. */
  readonly considered: ReadonlySet<string>
  /** Of bans that it does not hold: `edge-full`, `edge-busy`, … */
  readonly why: (address: string) => string
  readonly now: Date
}

/** Held or waiting, and why: the bans whose entry for the list changes. Repeating it changes nothing. */
export function listVerdicts(bans: readonly Ban[], { edge, holds, considered, why, now }: ListFound): Ban[] {
  return bans.flatMap((ban) => {
    if (!isWantedOn(ban, edge, now)) return edge in ban.edges ? [withoutEdge(ban, edge)] : []
    if (!considered.has(ban.address)) return []
    const held = holds(ban.address)
    const next = withHolding(ban, edge, held, held ? '' : why(ban.address), now)
    return next === ban ? [] : [next]
  })
}
