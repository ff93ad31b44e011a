import { describe, it } from 'node:test'
import { fuzz } from '../support/fuzz-run.ts'
import { wireTarget } from '../support/fuzz-wire.ts'

describe('a connection to the webhook port, whatever is said on it', () => {
  it('is answered without a 5xx or cut off, and closed', async (t) => {
    const { target, close } = await wireTarget()
    t.after(close)
    await fuzz(t, target, 2_000)
  })
})
