import type { EdgeState } from '../core/edge-state.ts'

/** What the edge listed when it was last read: canonical terms, ours and people's. */
export function termsAt(state: EdgeState | undefined): readonly string[] {
  return state?.base?.terms ?? []
}
