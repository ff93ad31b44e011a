import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Service, startAll } from '../support/service.ts'
import { allAcknowledged, inParallel, missingFrom, numbered } from '../support/service-burst.ts'
import { withStores } from '../support/stores.ts'
import { until } from '../support/stores-jobs.ts'

withStores((kind, place) => {
  describe(`a burst (${kind})`, () => {
    it('costs a handful of PUTs, and every alert is acknowledged', { timeout: 180_000 }, async (t) => {
      // A slow machine may need longer than a call may take until all are decided.
      const { timeout } = AbortSignal
      t.mock.method(AbortSignal, 'timeout', (ms: number) => timeout.call(AbortSignal, ms * 10))
      const { world, service } = await startAll(t, place, { world: { cloudflare: { latencyMs: 20 } } })
      await service.app.tick()
      const addresses = numbered(200)
      const ids = addresses.map((sourceIp) => world.alerts.add({ sourceIp }))
      const gate = world.cloudflare.faults.hold({ method: 'PUT' })
      await inParallel(ids, async (id) => assert.equal((await service.post(world.webhook([id]))).status, 202))
      // What comes during the first PUT, however long that takes, shares the next.
      await until(async () => (await waiting(service)) === ids.length, 60_000)
      gate.open()
      await allAcknowledged(world, ids, 60_000)
      assert.deepEqual(missingFrom(world, addresses), [])
      assert.ok(world.zone.putTimes.length <= 6, `${world.zone.putTimes.length} PUTs`)
      assert.equal(world.zone.overlappingPuts, 0)
    })
  })
})

/** Bans that no pass has found held yet. */
async function waiting(service: Service): Promise<number> {
  const { edges } = (await service.order('GET', '/api/status')) as { edges: { waiting: Record<string, number> }[] }
  return edges[0]?.waiting['not-settled'] ?? 0
}
