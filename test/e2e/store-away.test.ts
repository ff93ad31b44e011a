import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startWorld } from '../../src/simulator/world.ts'
import { layWire } from '../support/fault-store-wire.ts'
import { atEnd, startService } from '../support/service.ts'
import { type StoreConfig, withStores } from '../support/stores.ts'
import { until } from '../support/stores-jobs.ts'

withStores((kind, place) => {
  describe(`a store that goes away (${kind})`, { skip: kind === 'embedded' && 'it lives in the process' }, () => {
    it('is answered with 503 and Retry-After, and all is well once it is back', { timeout: 150_000 }, async (t) => {
      const world = await startWorld()
      atEnd(t, () => world.close())
      const { store, dataDir } = place.config()
      const wire = await layWire('url' in store ? store.url : '')
      atEnd(t, () => wire.close())
      const service = await startService(world, { store: { kind, url: wire.url } as StoreConfig['store'], dataDir })
      atEnd(t, () => service.stop())
      const before = world.alerts.add({ sourceIp: '203.0.113.10' })
      assert.equal((await service.post(world.webhook([before]))).status, 202)
      await until(() => world.alerts.status(before) === 'acknowledged')

      await wire.cut()
      const during = world.alerts.add({ sourceIp: '203.0.113.11' })
      const { status, headers } = await service.post(world.webhook([during]))
      assert.equal(status, 503)
      assert.match(String(headers.get('retry-after')), /^\d+$/)

      await wire.mend()
      await until(async () => (await service.post(world.webhook([during]))).status === 202)
      await until(() => world.alerts.status(during) === 'acknowledged', 40_000)
    })
  })
})
