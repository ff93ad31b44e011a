import { describe, it } from 'node:test'
import fc from 'fast-check'
import { anyAction, live } from '../support/settle-actions.ts'

// SETTLE_RUNS lets it soak; fast-check prints the seed of what it finds, SETTLE_SEED repeats it.
const numRuns = Number(process.env.SETTLE_RUNS ?? 2000)
const seed = process.env.SETTLE_SEED === undefined ? {} : { seed: Number(process.env.SETTLE_SEED) }

describe('settle, whatever happens and in whatever order', () => {
  it('holds in the end what it should, and undoes nobody’s work', async () => {
    const story = fc.array(anyAction, { minLength: 1, maxLength: 40, size: 'max' })
    await fc.assert(fc.asyncProperty(story, live), { numRuns, ...seed })
  })
})
