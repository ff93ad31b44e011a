import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startWorld } from '../../src/simulator/world.ts'
import { atEnd } from '../support/service.ts'
import { allAcknowledged, assertHeldBefore, inParallel, missingFrom, numbered } from '../support/service-burst.ts'
import { startProcess } from '../support/service-process.ts'
import { withStores } from '../support/stores.ts'

withStores((kind, place) => {
  describe(`a process that dies (${kind})`, () => {
    it('loses nothing, and nothing is acknowledged before it is held', { timeout: 240_000 }, async (t) => {
      const world = await startWorld({ cloudflare: { latencyMs: 20 } })
      atEnd(t, () => world.close())
      const first = await startProcess(world, place.config())
      atEnd(t, () => first.kill())
      const addresses = numbered(200)
      const ids = addresses.map((sourceIp) => world.alerts.add({ sourceIp }))
      await inParallel(ids, async (id) => assert.equal((await first.post(world.webhook([id]))).status, 202))
      await first.kill()
      const second = await startProcess(world, place.config())
      atEnd(t, () => second.kill())
      await allAcknowledged(world, ids, 100_000)
      assert.deepEqual(missingFrom(world, addresses), [])
      assertHeldBefore(world, ids, addresses)
      await second.kill()
    })
  })
})
