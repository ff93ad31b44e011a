import { automaticEndOf, type Ban } from './ban.ts'
import type { Offence } from './decide.ts'
import type { Ending } from './sweep.ts'

/**
 * What is remembered of an automatic ban that came to its end `now`, however it did; null: it answers no alert (any more, for
 * what it answered is remembered since then).
 */
export function offenceOf(ban: Ban, how: Ending, now: Date): Offence | null {
  if (ban.offence === 0 || !ban.reasons.some(({ origin }) => origin === 'alert')) return null
  const endedAt = (how === 'ended' ? automaticEndOf(ban) : null) ?? now.toISOString()
  return { address: ban.address, count: ban.offence, endedAt, how }
}
