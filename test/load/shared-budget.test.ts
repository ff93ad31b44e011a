import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CLOUDFLARE_RATE } from '../../src/core/budget.ts'
import { startWorld } from '../../src/simulator/world.ts'
import { atEnd, startService } from '../support/service.ts'
import { addressOf } from '../support/service-stage.ts'
import { soak } from '../support/soak.ts'
import { withStores } from '../support/stores.ts'
import { until } from '../support/stores-jobs.ts'

const ZONES = Array.from({ length: 8 }, (_, n) => ({ id: n.toString(16).repeat(32), name: `zone${n}.example` }))
// So many beyond the burst, which take some seconds.
const BEYOND = 5

withStores((kind, place) => {
  const skip =
    (kind === 'embedded' && 'it serves one process') || (kind === 'postgres' && !soak && 'at full length only: SOAK=1')
  describe(`two instances with eight zones (${kind})`, { skip, timeout: 60_000 }, () => {
    it('call Cloudflare no more often than one budget allows them together, for all zones', async (t) => {
      const world = await startWorld({ moreZones: ZONES })
      atEnd(t, () => world.close())
      const env = { CLOUDFLARE_ZONE_ID: ZONES.map(({ id }, n) => `zone${n}=${id}`).join() }
      const { burst, perSecond } = CLOUDFLARE_RATE
      const begun = Date.now()
      const services = [0, 1].map(() => startService(world, place.config(), env))
      for (const service of services) atEnd(t, async () => (await service).stop())
      const [first] = await Promise.all(services)
      const ids = [0, 1, 2].map((n) => world.alerts.add({ sourceIp: addressOf(n) }))
      assert.equal((await first?.post(world.webhook(ids)))?.status, 202)
      const calls = () => world.cloudflare.calls.filter(({ path }) => !path.includes('cdn-cgi'))
      await until(() => calls().length > burst + BEYOND, 30_000)
      for (const [n, { at }] of calls().entries()) {
        const allowed = burst + (perSecond * (at - begun)) / 1000
        assert.ok(n + 1 <= allowed, `call ${n + 1} came after ${at - begun} ms, and ${allowed} were allowed`)
      }
      assert.equal(world.cloudflare.calls.filter(({ status }) => status === 429).length, 0)
    })
  })
})
