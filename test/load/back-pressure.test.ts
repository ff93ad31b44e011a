import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FAST, startAll } from '../support/service.ts'
import { allAcknowledged, inParallel, missingFrom } from '../support/service-burst.ts'
import { addressOf } from '../support/service-stage.ts'
import { soak } from '../support/soak.ts'
import { withStores } from '../support/stores.ts'
import { until } from '../support/stores-jobs.ts'

const LIMIT = 40

withStores((kind, place) => {
  const skip = kind === 'postgres' && !soak && 'at full length only: SOAK=1'
  describe(`a queue that is full (${kind})`, { skip, timeout: 240_000 }, () => {
    it('turns webhooks away with 429 and a time, keeps nothing of them, and takes them once there is room', async (t) => {
      const { world, service } = await startAll(t, place, {
        env: { QUEUE_LIMIT: String(LIMIT) },
        seams: { rate: FAST },
      })
      const gate = world.cloudflare.faults.hold({ method: 'PUT' }, 1_000)
      const jobs = async () => {
        const text = await service.metrics.text()
        return [...text.matchAll(/^portcullis_queue_jobs\{state="(?:waiting|active|delayed)"\} (\d+)/gm)].reduce(
          (sum, [, count]) => sum + Number(count),
          0,
        )
      }
      const addresses: string[] = []
      const taken: string[] = []
      const refused: string[] = []
      async function send(id: string): Promise<void> {
        const { status, headers } = await service.post(world.webhook([id]))
        assert.ok(status === 202 || status === 429, `${status}`)
        if (status === 202) return void taken.push(id)
        assert.ok(Number(headers.get('retry-after')) > 0, 'it says when to come again')
        refused.push(id)
      }
      // The count is a second old at most, so some more than the limit get in.
      for (let n = 0; refused.length < 5; n++) {
        const sourceIp = addressOf(n % 200)
        addresses.push(sourceIp)
        await send(world.alerts.add({ sourceIp }))
      }
      assert.ok(taken.length >= LIMIT, `${taken.length} were taken`)
      assert.equal(await jobs(), taken.length)
      world.cloudflare.faults.clear()
      gate.open()
      await allAcknowledged(world, taken, 60_000)
      await until(async () => {
        await inParallel(refused.splice(0), send)
        return refused.length === 0
      })
      await allAcknowledged(world, taken, 60_000)
      assert.deepEqual(missingFrom(world, addresses), [])
    })
  })
})
