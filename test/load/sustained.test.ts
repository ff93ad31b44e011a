import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CLOUDFLARE_RATE } from '../../src/core/budget.ts'
import { startAll } from '../support/service.ts'
import { inParallel } from '../support/service-burst.ts'
import { addressOf, OUR_RULE, termsOf } from '../support/service-stage.ts'
import { soak } from '../support/soak.ts'
import { withStores } from '../support/stores.ts'
import { until } from '../support/stores-jobs.ts'

const ALERTS = 600
const SOURCES = 200
const LIMIT = 1_500

withStores((kind, place) => {
  const skip = kind === 'postgres' && !soak && 'at full length only: SOAK=1'
  describe(`more sources than there is room for (${kind})`, { skip, timeout: 240_000 }, () => {
    it('fill the rule, are acknowledged where they are held, and cost no call beyond the budget', async (t) => {
      const world = { cloudflare: { latencyMs: 20, expressionLimit: LIMIT } }
      const all = await startAll(t, place, { world, env: { CLOUDFLARE_EXPRESSION_LIMIT: String(LIMIT) } })
      const { alerts, cloudflare, zone } = all.world
      const addresses = Array.from({ length: SOURCES }, (_, n) => addressOf(n))
      const ids = Array.from({ length: ALERTS }, (_, n) => alerts.add({ sourceIp: addresses[n % SOURCES] }))
      const addressBy = new Map(ids.map((id, n) => [id, String(addresses[n % SOURCES])]))
      const begun = Date.now()
      await inParallel(ids, async (id) => assert.equal((await all.service.post(all.world.webhook([id]))).status, 202))
      const isHeld = (id: string) => termsOf(all.world).includes(addressBy.get(id) ?? '')
      const isDone = (id: string) =>
        alerts.status(id) === 'acknowledged' || alerts.tags(id).includes('portcullis:edge-full')
      await until(
        () => ids.every(isDone) && ids.filter(isHeld).every((id) => alerts.status(id) === 'acknowledged'),
        150_000,
      )
      const untrue = ids.filter((id) => alerts.status(id) === 'acknowledged' && !isHeld(id))
      assert.deepEqual(untrue, [], 'acknowledged and not held')
      const expression = String(zone.rules().find((rule) => rule.description === OUR_RULE)?.expression)
      const room = LIMIT - expression.length
      assert.ok(room >= 0 && room < ' '.length + String(addresses[0]).length, `${room} characters are left`)
      const allowed = CLOUDFLARE_RATE.burst + (CLOUDFLARE_RATE.perSecond * (Date.now() - begun)) / 1000 + 1
      const calls = cloudflare.calls.filter(({ at }) => at >= begun).length
      assert.ok(calls <= allowed, `${calls} calls, and the budget is ${allowed}`)
      assert.equal(zone.overlappingPuts, 0)
    })
  })
})
