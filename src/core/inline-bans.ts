import { addressSet } from './address-set.ts'
import { type Ban, isLive } from './ban.ts'

/**
 * The bans that a zone's own rule is to name one by one although a list holds the rest: people's entries in this rule, and
 * what stands in it until the list holds it too.
 */
export function inlineBans(
  bans: readonly Ban[],
  facts: { readonly zone: string; readonly list: string; readonly current: readonly string[]; readonly now: Date },
): readonly Ban[] {
  const { zone, list, now } = facts
  const standing = addressSet(facts.current)
  return bans.filter((ban) => {
    const entry = ban.reasons.some((r) => r.origin === 'edge' && r.edges?.includes(zone) && isLive(r, now))
    return entry || (ban.edges[list]?.held !== true && standing.covers(ban.address))
  })
}
