import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { newBan, withReason } from '../../src/core/ban.ts'
import { FAST } from '../support/service.ts'
import { stageFor } from '../support/service-stage.ts'
import { withStores } from '../support/stores.ts'
import { until } from '../support/stores-jobs.ts'

// One less than an account takes: another list of it has an item.
const COUNT = 9_999

withStores((kind, place) => {
  // The size matters, and takes its time: once is enough.
  if (kind !== 'redis') return
  describe(`ten thousand bans in a list (${kind})`, () => {
    const stage = stageFor(place, {
      env: { CLOUDFLARE_TARGET: 'list' },
      seams: { rate: FAST },
      prepare: async () => {
        const store = await place.open()
        for (let from = 0; from < COUNT; from += 1000)
          await store.records.commit({
            put: Array.from({ length: Math.min(1000, COUNT - from) }, (_, i) => banOf(from + i)),
          })
        await store.close()
        return {}
      },
      world: { cloudflare: { rateLimit: { requests: 100_000, seconds: 1 } } },
    })
    const account = () => stage.world.cloudflare.account

    it('are all held', async () => {
      await until(() => account().list('portcullis')?.items.size === COUNT, 120_000)
      await until(async () => {
        const { edges } = (await stage.order('GET', '/api/status')) as { edges: { held: number }[] }
        return edges.every(({ held }) => held >= COUNT)
      }, 120_000)
    })

    it('adding one more is one write of the difference, and soon held', async (t) => {
      // Passes that write nothing, before and after: what this machine needs to read ledger and list.
      const reading = [await timeOf(() => stage.service.app.tick())]
      account().itemQuota = COUNT + 2
      const before = { begun: account().operations.begun, items: account().modifications }
      const adding = await timeOf(async () => {
        const id = await stage.send({ sourceIp: '203.0.113.10' })
        await stage.becomes(id, 'acknowledged', 'blocked', 60_000)
      })
      assert.equal(account().operations.begun, before.begun + 1)
      assert.equal(account().modifications, before.items + 1)
      reading.push(await timeOf(() => stage.service.app.tick()))
      t.diagnostic(`adding: ${adding} ms; passes that write nothing: ${reading.join(' and ')} ms`)
      assert.ok(adding < Math.max(5_000, 5 * Math.max(...reading)), `it took ${adding} ms, a pass ${reading.join()} ms`)
    })
  })
})

/** In whole ms. */
async function timeOf(work: () => Promise<void>): Promise<number> {
  const at = performance.now()
  await work()
  return Math.round(performance.now() - at)
}

function banOf(number: number) {
  const id = `5.${number >> 8}.${number & 255}.7`
  const now = new Date()
  const reason = { origin: 'operator' as const, id: 'alice', note: 'by hand', at: now.toISOString() }
  const ban = withReason(newBan(id, now), { ...reason, durationMs: null, until: null, edges: null })
  return { collection: 'bans' as const, id, doc: ban }
}
