import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createBudget } from '../../src/adapters/budget.ts'
import { systemClock } from '../../src/adapters/clock.ts'
import { createCloudflareZone } from '../../src/adapters/cloudflare.ts'
import { openStore } from '../../src/adapters/store.ts'
import { CLOUDFLARE_RATE } from '../../src/core/budget.ts'
import { startWorld } from '../../src/simulator/world.ts'
import { ownRedis, redisAt, redisCell, WITHOUT_REDIS } from '../support/fault-store-redis.ts'
import { layWire } from '../support/fault-store-wire.ts'
import { atEnd } from '../support/service.ts'
import { soak } from '../support/soak.ts'
import { until } from '../support/stores-jobs.ts'

const SLOW_MS = soak ? 2_000 : 500
const EACH = { timeout: soak ? 300_000 : 150_000 }

describe('the wire to Redis', { skip: WITHOUT_REDIS, concurrency: true }, () => {
  it('refused in mid-work: webhooks are answered 503 at once, and the service goes on by itself', EACH, async (t) => {
    const { cell, wire } = await redisCell(t)
    await cell.send(10)
    await wire.cut()
    const begun = Date.now()
    assert.deepEqual(await cell.send(5), [503, 503, 503, 503, 503])
    // Whoever waits for an answer of Redis waits 10 s.
    assert.ok(Date.now() - begun < 5_000, `it took ${Date.now() - begun} ms`)
    assert.equal((await cell.ask('/readyz')).status, 503)
    await cell.tick()
    await cell.saying(
      /store-down: The store could not .*: (there is no connection to Redis|the connection to Redis broke)$/,
    )
    await wire.mend()
    await cell.balances()
    assert.equal((await cell.ask('/readyz')).status, 200)
    await cell.tick()
  })

  for (const way of ['request', 'answer'] as const) {
    it(`reset in the middle of a command's ${way}, time and again: what was answered 202 is done`, EACH, async (t) => {
      const { cell, wire } = await redisCell(t)
      for (let round = 1; round <= 8; round++) {
        wire.breakNext(way)
        await cell.send(5)
        await until(() => wire.broken() === round)
      }
      await cell.balances()
      await cell.tick()
    })
  }

  it('hanging: webhooks are answered 503 within 12 s, and nothing accepted is lost', EACH, async (t) => {
    const { cell, wire } = await redisCell(t)
    await cell.send(10)
    wire.stall()
    const begun = Date.now()
    assert.deepEqual(await cell.send(3), [503, 503, 503])
    // 10 s for a command, and some for a slow machine: two commands, one after the other, would be 20.
    assert.ok(Date.now() - begun < 18_000, `it took ${Date.now() - begun} ms`)
    wire.flow()
    await cell.balances()
    await cell.tick()
  })

  it('forgotten by a firewall: new connections are made within 30 s, without a restart', EACH, async (t) => {
    const { cell, wire } = await redisCell(t)
    await cell.send(10)
    wire.forget()
    await cell.send(3)
    await cell.balances()
    await cell.tick()
  })

  // At 2 s an answer the whole journey takes most of a minute.
  it(`slow, ${SLOW_MS} ms an answer: an alert is accepted, blocked and acknowledged all the same`, EACH, async (t) => {
    const { cell, wire } = await redisCell(t)
    await cell.send(1)
    wire.slow(SLOW_MS)
    await cell.send(2)
    await cell.balances({ withinMs: 40 * SLOW_MS + 40_000 })
  })

  it('slow, 2 s an answer: a write to Cloudflare waits for its budget, and is sent', EACH, async (t) => {
    const redis = await ownRedis(t)
    const wire = await layWire(redis.url)
    atEnd(t, () => wire.close())
    const world = await startWorld()
    atEnd(t, () => world.close())
    const store = await openStore(redisAt(wire.url))
    atEnd(t, () => store.close())
    const { records } = store
    const budget = createBudget({ records, clock: systemClock, fingerprint: 'test', rate: CLOUDFLARE_RATE })
    const { url: apiUrl, token } = world.cloudflare
    const zone = createCloudflareZone({ apiUrl, token, zone: world.zone, budget })
    wire.slow(2_000)
    await zone.write(world.zone.rules())
    assert.equal(world.zone.history().length, 2)
  })
})
