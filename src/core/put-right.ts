import type { Attempt } from './edge-state.ts'
import type { JudgedHand } from './judge-hand.ts'

/**
 * Two Portcullis with stores of their own that write in the same moment: the second PUT overwrites the first, and the next version puts
 * that right. To who wrote the first it looks as if a person had let his bans out and entered them again, for good; but nothing
 * happened to what a PUT of ours brought and the very next two versions took out and brought back.
 */
export function withoutPutRight(hands: readonly JudgedHand[], attempts: readonly Attempt[]): JudgedHand[] {
  const kept = [...hands]
  hands.forEach((hand, i) => {
    const next = kept[i + 1]
    const overwritten = attempts.find((attempt) => attempt.landed === hand.version - 1)
    if (overwritten === undefined || next?.version !== hand.version + 1) return
    if (!hand.inOurManner || !next.inOurManner) return
    const back = new Set([...next.adopted, ...next.restored])
    const same = hand.released.filter((term) => overwritten.adding.includes(term) && back.has(term))
    const others = (terms: readonly string[]) => terms.filter((term) => !same.includes(term))
    kept[i] = { ...(kept[i] as JudgedHand), released: others(hand.released) }
    kept[i + 1] = { ...next, adopted: others(next.adopted), restored: others(next.restored) }
  })
  return kept
}
