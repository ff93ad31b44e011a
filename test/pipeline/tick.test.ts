import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startTick } from '../../src/pipeline/tick.ts'

describe('what happens every minute', () => {
  it('happens once for all who ask meanwhile, and once more for who asks for one that begins now', async (t) => {
    const passes: PromiseWithResolvers<void>[] = []
    const tick = startTick({
      records: { purge: async () => 0 } as never,
      settler: {
        async settle() {
          const pass = Promise.withResolvers<void>()
          passes.push(pass)
          await pass.promise
          return []
        },
      } as never,
      health: { degraded: () => [] } as never,
      siem: null,
      clock: { now: () => new Date(), sleep: async () => {} },
      reopenDisplaced: async () => {},
      tidy: async () => {},
      refreshAllowlist: async () => {},
      onFailure: (what, error) => assert.fail(`${what}: ${error}`),
    })
    t.after(() => tick.stop())
    const [first, shared, anew] = [tick.run(), tick.run(), tick.runAnew()]
    assert.equal(passes.length, 1)
    passes[0]?.resolve()
    await Promise.all([first, shared])
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(passes.length, 2)
    passes[1]?.resolve()
    await anew
  })
})
