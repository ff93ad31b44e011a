import { parseAddress } from './address.ts'
import { type Ban, isAutomatic, isLive, isOver } from './ban.ts'
import { type GuardFacts, type Refusal, stillRefused } from './guards.ts'

/** How a ban came to its end. `lapsed`: it never got a place in time. */
export type Ending = 'ended' | 'lapsed' | 'lifted' | Refusal

export interface Swept {
  /** Bans that lost a reason and keep another. */
  readonly put: readonly Ban[]
  readonly gone: readonly { readonly ban: Ban; readonly how: Ending }[]
}

export type StandingFacts = Omit<GuardFacts, 'by' | 'tooOld' | 'observing' | 'decidedAt'> & {
  readonly maxAlertAgeMs: number
}

/** What no longer stands: bans whose last reason ended, waited too long, or that a guard now refuses. */
export function sweep(bans: readonly Ban[], facts: StandingFacts): Swept {
  const put: Ban[] = []
  const gone: { ban: Ban; how: Ending }[] = []
  for (const ban of bans) {
    const refusal = whyRefusedNow(ban, facts)
    if (refusal !== null) gone.push({ ban, how: refusal })
    else {
      const reasons = ban.reasons.filter((r) => isLive(r, facts.now) && !isLapsed(r, ban, facts))
      if (reasons.length === 0) gone.push({ ban, how: isOver(ban, facts.now) ? 'ended' : 'lapsed' })
      else if (reasons.length < ban.reasons.length) put.push({ ...ban, reasons })
    }
  }
  return { put, gone }
}

function whyRefusedNow(ban: Ban, facts: StandingFacts): Refusal | null {
  const address = isAutomatic(ban, facts.now) ? parseAddress(ban.address) : null
  if (address === null) return null
  return stillRefused(address, { ...facts, decidedAt: new Date(ban.createdAt) })?.refusal ?? null
}

/** An automatic reason whose clock has not started within the age at which its alert would be too old. */
function isLapsed(reason: Ban['reasons'][number], ban: Ban, facts: StandingFacts): boolean {
  if (reason.origin !== 'alert' || reason.until !== null) return false
  if (Object.values(ban.edges).some((holding) => holding.held)) return false
  // For ever, and held once since: whatever keeps it out now, it did not come too late.
  if (ban.heldUntil !== undefined && ban.heldUntil >= reason.at) return false
  return Date.parse(reason.at) + facts.maxAlertAgeMs <= facts.now.getTime()
}
