import { describe, it } from 'node:test'
import { fuzz } from '../support/fuzz-run.ts'
import { settleTarget } from '../support/fuzz-settle.ts'

describe('answers about the rules, one part of each wrong', () => {
  it('cost nobody a rule, acknowledge nothing that is not held, and are forgotten once they are right again', async (t) => {
    await fuzz(t, settleTarget().target, 450)
  })
})
