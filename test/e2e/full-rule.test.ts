import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { systemClock } from '../../src/adapters/clock.ts'
import { FAST } from '../support/service.ts'
import { inParallel, numbered } from '../support/service-burst.ts'
import { blocking, type Stage, stageFor } from '../support/service-stage.ts'
import { withStores } from '../support/stores.ts'
import { until } from '../support/stores-jobs.ts'

// `(ip.src in {` and `})` take 14 characters, each of these addresses 15 with its blank; older terms take what is left.
const ROOM_FOR_100 = '1570'
const MINUTE_MS = 60_000

withStores((kind, place) => {
  describe(`a full rule (${kind})`, () => {
    let ahead = 0
    const clock = { now: () => new Date(Date.now() + ahead), sleep: systemClock.sleep }
    const stage = stageFor(place, {
      env: { CLOUDFLARE_EXPRESSION_LIMIT: '64' },
      playbooks: { '1-short.yaml': blocking('1m', { rule: 'A short one' }), '2-block.yaml': blocking('1h') },
      seams: { clock, rate: FAST },
      world: { rules: null },
    })

    it('takes up those that wait when bans end, and acknowledges their alerts', async () => {
      const ids: string[] = []
      for (const n of [21, 22, 23, 24, 25, 26])
        ids.push(await stage.send({ sourceIp: `203.0.113.1${n}`, ruleName: 'A short one' }))
      await until(() => acknowledged(stage, ids).length === 3)
      await until(() => tagged(stage, ids, 'edge-full').length === 3)
      ahead += MINUTE_MS
      await until(async () => {
        await stage.service.app.tick()
        return acknowledged(stage, ids).length === 6
      })
      assert.equal(tagged(stage, ids, 'blocked').length, 6)
      ahead += MINUTE_MS
      await until(async () => {
        await stage.service.app.tick()
        return stage.held().join() === '192.0.2.1'
      })
    })

    it("gives a held ban's place to an operator's: its alert is open again, says so, and waits", async () => {
      const ids: string[] = []
      for (const n of [11, 12, 13]) ids.push(await stage.send({ sourceIp: `203.0.113.1${n}` }))
      await until(() => acknowledged(stage, ids).length === 3)
      // An alert that loses its place before its job has ended is set back a minute later.
      await until(async () => (await stage.jobs('completed')) === 9)
      await stage.order('POST', '/api/bans', { address: '192.0.2.77', duration: '1h', reason: 'a test' })
      await until(() => acknowledged(stage, ids).length === 2)
      const [out = ''] = ids.filter((id) => stage.world.alerts.status(id) === 'open')
      await stage.becomes(out, 'open', 'edge-full')
      assert.ok(stage.held().includes('192.0.2.77'))

      await stage.order('DELETE', '/api/bans/192.0.2.77')
      await stage.becomes(out, 'acknowledged', 'blocked')
      assert.equal(stage.held().length, 3)
    })

    it("gives it to a person's entry too, but an alert that a person closed stays closed", async () => {
      await until(async () => (await stage.jobs('completed')) === 9)
      const { alerts, cloudflare, zone } = stage.world
      const ids = alerts.ids().filter((id) => alerts.status(id) === 'acknowledged')
      for (const id of ids) alerts.setStatus(id, 'closed')
      cloudflare.handEdit(zone, (rules) =>
        rules.map((rule) => ({ ...rule, expression: `${rule.expression} or (ip.src eq 192.0.2.78)` })),
      )
      await stage.service.app.tick()
      assert.equal(stage.held().length, 3)
      assert.ok(stage.held().includes('192.0.2.78'))
      await until(async () => (await stage.jobs('delayed')) === 1)
      assert.ok(ids.every((id) => alerts.status(id) === 'closed'))
    })

    it('holds as many of 200 as fit for as long as they last, and acknowledges exactly those', async () => {
      await stage.restart({ CLOUDFLARE_EXPRESSION_LIMIT: ROOM_FOR_100 })
      const { world, service } = stage
      const addresses = numbered(200)
      const ids = addresses.map((sourceIp) => world.alerts.add({ sourceIp }))
      await inParallel(ids, async (id) => void (await stage.post([id])))
      await until(() => ids.every((id) => isSettled(stage, id)), 60_000)
      const held = stage.held().filter((address) => addresses.includes(address))
      assert.equal(held.length, 100)
      assert.deepEqual(acknowledged(stage, ids).sort(), held.sort())
      assert.equal(tagged(stage, ids, 'edge-full').length, 100)
      await until(async () => (await stage.jobs('delayed')) === 100)
      await service.app.tick()
      await service.app.tick()
      assert.equal(acknowledged(stage, ids).length, 100)
      assert.equal(stage.held().filter((address) => held.includes(address)).length, 100)
      const waiting = new RegExp(`portcullis_bans\\{edge="shop",state="edge-full"\\} ${100}\n`)
      assert.match(await service.metrics.text(), waiting)
    })
  })
})

function isSettled(stage: Stage, id: string): boolean {
  return stage.world.alerts.status(id) === 'acknowledged' || tagged(stage, [id], 'edge-full').length > 0
}

/** Addresses of those that are acknowledged. */
function acknowledged({ world }: Stage, ids: readonly string[]): string[] {
  return ids
    .filter((id) => world.alerts.status(id) === 'acknowledged')
    .map((id) => String((world.alerts.find(id)?.source.source as { ip?: unknown } | undefined)?.ip))
}

function tagged({ world }: Stage, ids: readonly string[], tag: string): string[] {
  return ids.filter((id) => world.alerts.tags(id).includes(`portcullis:${tag}`))
}
