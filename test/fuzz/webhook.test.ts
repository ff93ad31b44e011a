import { ok } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fuzz } from '../support/fuzz-run.ts'
import { webhookTarget } from '../support/fuzz-webhook.ts'

describe('a webhook’s body, whatever it is', () => {
  it('is answered without a 5xx, in time, and puts nothing but canonical addresses into an expression', async (t) => {
    const { target, taken, close } = await webhookTarget()
    t.after(close)
    await fuzz(t, target, 9_350)
    // It is worth something only where enough of it gets through.
    ok(taken.alerts > 100 && taken.addresses > 50, JSON.stringify(taken))
    t.diagnostic(JSON.stringify(taken))
  })
})
