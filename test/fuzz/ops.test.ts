import { describe, it } from 'node:test'
import { opsTarget } from '../support/fuzz-ops.ts'
import { fuzz } from '../support/fuzz-run.ts'

describe('a request to the ops port, whatever it asks', () => {
  it('is answered without a 5xx, in time', async (t) => {
    const { target, close } = await opsTarget()
    t.after(close)
    await fuzz(t, target, 1_200)
  })
})
