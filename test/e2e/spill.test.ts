import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { termsIn } from '../../src/core/own-rule.ts'
import type { World } from '../../src/simulator/world.ts'
import { startAll } from '../support/service.ts'
import { allAcknowledged, numbered } from '../support/service-burst.ts'
import { OUR_RULE } from '../support/service-stage.ts'
import { withStores } from '../support/stores.ts'
import { until } from '../support/stores-jobs.ts'

withStores((kind, place) => {
  describe(`bans in several rules (${kind})`, () => {
    it('hold a thousand in five, and one more is one PUT', { timeout: 240_000 }, async (t) => {
      const env = { CLOUDFLARE_MAX_RULES: '5' }
      const { world, service } = await startAll(t, place, { env, world: { ruleQuota: 20 } })
      const addresses = numbered(1_001)
      const ids = addresses.map((sourceIp) => world.alerts.add({ sourceIp }))
      for (let at = 0; at < 1_000; at += 100) await service.post(world.webhook(ids.slice(at, at + 100)))
      await allAcknowledged(world, ids.slice(0, 1_000), 150_000)
      assert.ok(ours(world).length > 1 && ours(world).length <= 5, `${ours(world).length} rules`)
      const held = new Set(listed(world))
      assert.deepEqual(
        addresses.slice(0, 1_000).filter((address) => !held.has(address)),
        [],
      )
      const puts = world.zone.putTimes.length
      await service.post(world.webhook(ids.slice(1_000)))
      await allAcknowledged(world, ids.slice(1_000), 60_000)
      assert.equal(world.zone.putTimes.length, puts + 1)
    })
  })
})

describe('a zone that grants fewer rules than CLOUDFLARE_MAX_RULES', () => {
  withStores((kind, place) => {
    if (kind !== 'redis') return
    it('holds what fits, and says of the rest that there is no room', { timeout: 150_000 }, async (t) => {
      const env = { CLOUDFLARE_MAX_RULES: '4', CLOUDFLARE_EXPRESSION_LIMIT: '300' }
      // Three foreign rules and ours stand there: one more is granted.
      const { world, service } = await startAll(t, place, { env, world: { ruleQuota: 5 } })
      const ids = numbered(60).map((sourceIp) => world.alerts.add({ sourceIp }))
      await service.post(world.webhook(ids))
      await until(
        () => ids.every((id) => world.alerts.status(id) === 'acknowledged' || world.alerts.tags(id).length > 0),
        60_000,
      )
      assert.equal(ours(world).length, 2)
      const acknowledged = ids.filter((id) => world.alerts.status(id) === 'acknowledged')
      const held = new Set(listed(world))
      assert.deepEqual(
        acknowledged,
        ids.filter((_, n) => held.has(numbered(60)[n] ?? '')),
      )
      const waiting = ids.filter((id) => !acknowledged.includes(id))
      assert.ok(waiting.length > 0)
      assert.ok(waiting.every((id) => world.alerts.tags(id).includes('portcullis:edge-full')))
      assert.equal(world.zone.rules().length, 5)
    })
  })
})

function ours(world: World) {
  return world.zone.rules().filter((rule) => String(rule.description).startsWith(OUR_RULE))
}

function listed(world: World): string[] {
  return ours(world).flatMap((rule) => termsIn(rule) ?? [])
}
