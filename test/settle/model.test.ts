import { describe, it } from 'node:test'
import fc from 'fast-check'
import { anyAction, live } from '../support/settle-actions.ts'
import { STORIES } from '../support/settle-stories.ts'

// SETTLE_RUNS lets the fresh seed soak, SETTLE_SEED repeats one. The gate runs the same stories every time.
const freshRuns = Number(process.env.SETTLE_RUNS ?? (process.env.CI ? 0 : 500))
const fresh = Number(process.env.SETTLE_SEED ?? Date.now() % 2 ** 31)
const story = fc.array(anyAction, { minLength: 1, maxLength: 40, size: 'max' })
const holds = (seed: number, numRuns: number) => fc.assert(fc.asyncProperty(story, live), { seed, numRuns })

describe('settle, whatever happens and in whatever order, holds in the end what it should and undoes nobody’s work', () => {
  for (const seed of [1005, 2017, 3021, 4000]) it(`in the stories of seed ${seed}`, () => holds(seed, 500))

  if (freshRuns > 0) it(`in stories that are new each time (SETTLE_SEED=${fresh})`, () => holds(fresh, freshRuns))
})

describe('settle undoes nobody’s work', () => {
  for (const [what, actions] of STORIES) it(`when ${what}`, () => live(actions))
})
