import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startWorld } from '../../src/simulator/world.ts'
import { atEnd, FAST, type Service, startService } from '../support/service.ts'
import { allAcknowledged, inParallel, missingFrom, numbered } from '../support/service-burst.ts'
import { termsOf } from '../support/service-stage.ts'
import { withStores } from '../support/stores.ts'
import { until } from '../support/stores-jobs.ts'

// What a job has to come to its end when the service stops.
const GRACE_MS = 5_000
const EACH_TIME = { timeout: 150_000 }

withStores((kind, place) => {
  describe(`two instances on one store (${kind})`, { skip: kind === 'embedded' && 'it serves one process' }, () => {
    it('share the work and the quota, write one at a time, and acknowledge each alert once', EACH_TIME, async (t) => {
      const world = await startWorld({ cloudflare: { latencyMs: 5 } })
      atEnd(t, () => world.close())
      const services: Service[] = []
      for (let n = 0; n < 2; n++) {
        const service = await startService(world, place.config(), { MAX_BANS_PER_HOUR: '100' }, { rate: FAST })
        atEnd(t, () => service.stop())
        services.push(service)
      }
      const addresses = numbered(150)
      const ids = addresses.map((sourceIp) => world.alerts.add({ sourceIp }))
      let next = 0
      // Every alert is delivered twice, to one and to the other.
      await inParallel([...ids, ...ids], async (id) => {
        const service = services[next++ % 2] as Service
        assert.equal((await service.post(world.webhook([id]))).status, 202)
      })
      await until(() => ids.every((id) => world.alerts.tags(id).length > 0), 60_000)
      const banned = ids.filter((id) => world.alerts.status(id) === 'acknowledged')
      assert.equal(banned.length, 100)
      const spent = ids.filter((id) => world.alerts.tags(id).includes('portcullis:quota-spent'))
      assert.equal(spent.length, 50)
      assert.equal(termsOf(world).filter((term) => addresses.includes(term)).length, 100)
      assert.equal(world.zone.overlappingPuts, 0)
      assert.equal(world.alerts.changes.length, 100)
    })
  })

  describe(`an instance that stops (${kind})`, { skip: kind === 'embedded' && 'it serves one process' }, () => {
    it('leaves its work to the other at once', EACH_TIME, async (t) => {
      const world = await startWorld({ cloudflare: { latencyMs: 50 } })
      atEnd(t, () => world.close())
      const first = await startService(world, place.config(), {}, { rate: FAST })
      atEnd(t, () => first.stop())
      const second = await startService(world, place.config(), {}, { rate: FAST })
      atEnd(t, () => second.stop())
      const addresses = numbered(210).slice(150)
      const ids = addresses.map((sourceIp) => world.alerts.add({ sourceIp }))
      await inParallel(ids, async (id) => void (await first.post(world.webhook([id]))))
      const at = performance.now()
      await first.stop()
      // Those of one that died are free for others after 15 s and more, as are those to which its grace was too short.
      const isCut = performance.now() - at > GRACE_MS
      await allAcknowledged(world, ids, isCut ? 60_000 : 14_000)
      assert.deepEqual(missingFrom(world, addresses), [])
    })
  })
})
