import { deepEqual } from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Attempt } from '../../src/core/edge-state.ts'
import { type JudgedHand, NOTHING } from '../../src/core/judge-hand.ts'
import { withoutPutRight } from '../../src/core/put-right.ts'

const hand = (version: number, said: Partial<JudgedHand>): JudgedHand => ({
  ...NOTHING,
  inOurManner: true,
  version,
  ...said,
})
const put = (landed: number, ...adding: string[]): Attempt => ({
  ...{ id: '1', at: '2026-03-01T00:00:00.000Z', read: landed - 1, digest: '', removing: [], pays: [] },
  ...{ landed, adding },
})
const saysOf = (hands: readonly JudgedHand[]) => hands.map(({ released, adopted }) => [released, adopted])

describe('what another Portcullis overwrote and put right in the next version', () => {
  const swap = [hand(3, { released: ['a', 'b'], adopted: ['c'] }), hand(4, { adopted: ['a', 'd'] })]
  it('did not happen', () =>
    deepEqual(saysOf(withoutPutRight(swap, [put(2, 'a')])), [
      [['b'], ['c']],
      [[], ['d']],
    ]))
  it('happened where it was not a PUT of ours that had just brought it', () => {
    deepEqual(withoutPutRight(swap, [put(1, 'a'), put(2, 'e')]), swap)
  })
  it('happened where a person’s writing is in it', () => {
    const byHand = swap.map((h) => ({ ...h, inOurManner: h.version === 4 }))
    deepEqual(withoutPutRight(byHand, [put(2, 'a')]), byHand)
  })
  it('happened where there was a version between', () => {
    const later = [swap[0] as JudgedHand, hand(5, { adopted: ['a'] })]
    deepEqual(withoutPutRight(later, [put(2, 'a')]), later)
  })
})
