import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startAll } from '../support/service.ts'
import { allAcknowledged, inParallel, missingFrom, numbered } from '../support/service-burst.ts'
import { withStores } from '../support/stores.ts'

withStores((kind, place) => {
  describe(`a burst (${kind})`, () => {
    it('costs a handful of PUTs, and every alert is acknowledged', { timeout: 60_000 }, async (t) => {
      const { world, service } = await startAll(t, place, { world: { cloudflare: { latencyMs: 20 } } })
      const addresses = numbered(200)
      const ids = addresses.map((sourceIp) => world.alerts.add({ sourceIp }))
      await inParallel(ids, async (id) => assert.equal((await service.post(world.webhook([id]))).status, 202))
      await allAcknowledged(world, ids, 20_000)
      assert.deepEqual(missingFrom(world, addresses), [])
      assert.ok(world.zone.putTimes.length <= 6, `${world.zone.putTimes.length} PUTs`)
      assert.equal(world.zone.overlappingPuts, 0)
    })
  })
})
