import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { mapInTurns } from '../../src/adapters/records-format.ts'
import type { Store } from '../../src/adapters/store.ts'
import type { Collection } from '../../src/ports.ts'
import { startWorld } from '../../src/simulator/world.ts'
import { FAST, OPS_TOKEN, startService } from '../support/service.ts'
import { allAcknowledged } from '../support/service-burst.ts'
import { addressOf } from '../support/service-stage.ts'
import { withStores } from '../support/stores.ts'

const PAST = 2_000
// What bans that are over leave behind, and nothing of it is needed to hold the others.
const TRACES: readonly Collection[] = ['history', 'offences', 'outcomes']

describe('a large collection', () => {
  it('is read with turns for others in between', async () => {
    let [turns, reading] = [0, true]
    const count = () => {
      turns++
      if (reading) setImmediate(count)
    }
    setImmediate(count)
    const mapped = await mapInTurns(
      Array.from({ length: 5_500 }, (_, n) => n),
      (n) => n + 1,
    )
    reading = false
    assert.equal(mapped.length, 5_500)
    assert.deepEqual([mapped[0], mapped[999], mapped[1000], mapped.at(-1)], [1, 1000, 1001, 5_500])
    assert.ok(turns >= 5, `${turns} turns`)
  })
})

withStores((kind, place) => {
  describe(`a ledger with ${PAST} bans in its history (${kind})`, { timeout: 180_000 }, () => {
    it('is not read through by passes and alerts, and still tells why', async (t) => {
      const world = await startWorld()
      t.after(() => world.close())
      const store = await place.open()
      await remember(store)
      await store.close()
      const whole: string[] = []
      const service = await startService(world, place.config(), {}, { rate: FAST, wrapStore: (s) => watched(s, whole) })
      t.after(() => service.stop())
      whole.length = 0
      const ids = Array.from({ length: 20 }, (_, n) => world.alerts.add({ sourceIp: addressOf(n) }))
      assert.equal((await service.post(world.webhook(ids))).status, 202)
      await allAcknowledged(world, ids, 60_000)
      await service.app.tick()
      assert.deepEqual(whole, [])
      const answer = await fetch(`${service.app.opsUrl}/api/why?address=${addressOf(3)}`, {
        headers: { authorization: `Bearer ${OPS_TOKEN}` },
      })
      const why = (await answer.json()) as { history: unknown[]; offences: unknown[]; alertsTotal: number }
      // Its past, and what has just happened to it.
      assert.deepEqual([why.offences.length, why.alertsTotal], [1, 2])
      assert.ok(why.history.length >= 2)
    })
  })
})

/** Notes the names of collections of the past that are read as a whole. */
function watched(store: Store, whole: string[]): Store {
  const { records } = store
  return {
    ...store,
    records: {
      ...records,
      all(collection) {
        if (TRACES.includes(collection)) whole.push(collection)
        return records.all(collection)
      },
    },
  }
}

async function remember({ records }: Store): Promise<void> {
  const at = new Date(Date.now() - 3 * 24 * 3600_000).toISOString()
  const numbers = Array.from({ length: PAST }, (_, n) => n)
  const past = { outcome: 'blocked', firstDecidedAt: at, at, waiting: null, rule: 'r', playbook: 'p', space: 'default' }
  await records.commit({
    put: numbers.flatMap((n) => {
      const address = addressOf(n)
      const entry = { at, kind: 'ended', by: 'portcullis', addresses: [address] }
      return [
        { collection: 'offences' as const, id: address, doc: { address, count: 1, endedAt: at, how: 'ended' } },
        { collection: 'outcomes' as const, id: `past-${n}`, doc: { ...past, wanted: [address], refused: [] } },
        { collection: 'history' as const, id: `${at}.${n}`, doc: entry },
      ]
    }),
  })
}
