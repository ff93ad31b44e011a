import { describe, it } from 'node:test'
import { fuzz } from '../support/fuzz-run.ts'
import { webhookTarget } from '../support/fuzz-webhook.ts'

describe('a webhook’s body, whatever it is', () => {
  it('is answered without a 5xx, in time, and puts nothing but canonical addresses into an expression', async (t) => {
    const { target, close } = await webhookTarget()
    t.after(close)
    await fuzz(t, target, 8_500)
  })
})
