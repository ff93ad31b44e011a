import { coveredByOne } from './address-set.ts'
import { type Ban, isWantedOn, withHolding, withoutEdge } from './ban.ts'

/** What a pass found at its end. */
export interface Found {
  readonly edge: string
  /** `ok`, `edge-busy` (the rule holds what it lists, but not yet all that it should), or what keeps the edge from holding anything. */
  readonly state: string
  /** Terms that the rule now lists. */
  readonly terms: readonly string[]
  /** Addresses that the pass considered: a ban that came to be since then is the next pass's. */
  readonly considered: ReadonlySet<string>
  readonly displaced: ReadonlySet<string>
  readonly observing: boolean
  /** The list that stops what the rule does not name one by one; `stands`: a rule in force names it. */
  readonly list?: { readonly edge: string; readonly stands: boolean } | undefined
  readonly now: Date
}

/** Held or waiting, and why: the bans whose entry for this edge changes. Repeating it changes nothing. */
export function verdicts(bans: readonly Ban[], found: Found): Ban[] {
  const isListed = coveredByOne(found.terms)
  return bans.flatMap((ban) => {
    const next = judged(ban, found, isListed(ban.address))
    return next === ban ? [] : [next]
  })
}

function judged(ban: Ban, found: Found, isListed: boolean): Ban {
  const { edge, now } = found
  if (!isWantedOn(ban, edge, now)) return edge in ban.edges ? withoutEdge(ban, edge) : ban
  if (!found.considered.has(ban.address)) return ban
  const why = whyNotHeld(ban, found, isListed)
  return withHolding(ban, edge, why === '', why, now)
}

/** '': it is held. */
function whyNotHeld({ address, edges }: Ban, found: Found, isListed: boolean): string {
  const { state, displaced, observing, list } = found
  // However fast others write: what the newest answer lists is kept out.
  if (state !== 'ok' && state !== 'edge-busy') return displaced.has(address) ? 'displaced' : state
  const byList = list === undefined ? undefined : edges[list.edge]
  if (isListed || (list?.stands && byList?.held)) return ''
  if (displaced.has(address)) return 'displaced'
  if (state === 'edge-busy') return state
  if (observing) return 'observing'
  if (list === undefined) return 'edge-full'
  return byList?.held ? 'edge-unreferenced' : byList?.why || 'not-settled'
}
