import type { EdgeState } from './edge-state.ts'
import type { Hand } from './judge-hand.ts'

const DAY_MS = 24 * 3600_000

/** The state with what later hands are judged by: what is missing since when, what was put back, what is contested. */
export function rememberHand(state: EdgeState, hand: Hand, now: Date): EdgeState {
  const at = now.toISOString()
  const oldest = new Date(now.getTime() - DAY_MS).toISOString()
  const takenOut = Object.fromEntries(Object.entries(state.takenOut).filter(([, when]) => when >= oldest))
  const missing = [...hand.stale, ...hand.accident]
  for (const term of missing) takenOut[term] = at
  for (const term of hand.released) delete takenOut[term]
  const awaited = [...new Set([...state.awaited, ...missing])].filter((term) => !hand.released.includes(term))
  const putBack = hand.accident.length > 0 || (hand.gone && hand.stale.length > 0)
  return { ...state, takenOut, awaited, putBackAt: putBack ? at : state.putBackAt, contested: hand.contested }
}
