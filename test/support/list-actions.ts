import fc from 'fast-check'
import type { Fate } from './fake-list.ts'
import { HOUR, MINUTE } from './settle-world.ts'

const ADDRESSES = ['1.1.1.1', '2.2.2.2', '3.3.3.3', '4.4.4.4', '5.5.5.5', '6.6.6.6', '7.7.7.7', '7.7.7.0/24']

/** What may happen to a list, one after the other. */
export type Action =
  | { readonly kind: 'alert' | 'operator' | 'unban' | 'put' | 'take'; readonly address: string }
  | { readonly kind: 'pass'; readonly holder: number; readonly crashAt: number | null }
  | { readonly kind: 'both'; readonly pauses: readonly number[] }
  | { readonly kind: 'wipe' | 'land' | 'restart' | 'resume' | 'delete' }
  | { readonly kind: 'fate'; readonly fate: Fate }
  | { readonly kind: 'wait'; readonly ms: number }

const address = fc.constantFrom(...ADDRESSES)
export const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('alert' as const), address }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('operator' as const, 'unban' as const, 'put' as const, 'take' as const),
      address,
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('pass' as const),
      holder: fc.integer({ min: 0, max: 1 }),
      crashAt: fc.option(fc.integer({ min: 1, max: 25 }), { freq: 2 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('fate' as const),
      fate: fc.constantFrom<Fate>('answer-lost', 'late', 'stuck', 'refused'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('both' as const),
      pauses: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 12 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('land' as const, 'restart' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('wipe' as const, 'resume' as const, 'delete' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      ms: fc.constantFrom(1_000, MINUTE, 3 * MINUTE, 2 * HOUR),
    }),
  },
)
