import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { systemClock } from '../../src/adapters/clock.ts'
import { loadPlaybooks } from '../../src/adapters/playbook-files.ts'
import type { Alert } from '../../src/core/alert.ts'
import { createIntake } from '../../src/pipeline/intake.ts'
import { startWorld } from '../../src/simulator/world.ts'
import { FAST, startService } from '../support/service.ts'
import { allAcknowledged, missingFrom, numbered } from '../support/service-burst.ts'
import { addressOf } from '../support/service-stage.ts'
import { soak } from '../support/soak.ts'
import { withStores } from '../support/stores.ts'
import { jobOf } from '../support/stores-jobs.ts'

const JOBS = { embedded: 300, redis: 1_000, postgres: 1_000 }
const SOURCES = 100

withStores((kind, place) => {
  const skip = kind === 'postgres' && !soak && 'at full length only: SOAK=1'
  describe(`a start behind ${JOBS[kind]} waiting jobs (${kind})`, { skip, timeout: 300_000 }, () => {
    it('takes webhooks at once, and works all of them off in a handful of writes', async (t) => {
      const world = await startWorld()
      t.after(() => world.close())
      const ids = Array.from({ length: JOBS[kind] }, (_, n) => world.alerts.add({ sourceIp: addressOf(n % SOURCES) }))
      const store = await place.open()
      const playbooks = await loadPlaybooks('playbooks')
      const queue = store.createQueue()
      const { accept } = createIntake({
        ...{ records: store.records, queue, clock: systemClock, playbooks: () => playbooks },
        events: { accepted: () => {} },
      })
      await accept(ids.map((id, n): Alert => ({ ...alertOf(id), suspects: [addressOf(n % SOURCES)] })))
      await queue.close(0)
      await store.close()
      const service = await startService(world, place.config(), {}, { rate: FAST })
      t.after(() => service.stop())
      const fresh = world.alerts.add({ sourceIp: addressOf(SOURCES) })
      assert.equal((await service.post(world.webhook([fresh]))).status, 202)
      await allAcknowledged(world, [...ids, fresh], 200_000)
      assert.deepEqual(missingFrom(world, numbered(SOURCES + 1)), [])
      t.diagnostic(`${world.zone.putTimes.length} PUTs`)
      assert.ok(world.zone.putTimes.length <= 10, `${world.zone.putTimes.length} PUTs`)
    })
  })
})

function alertOf(id: string): Alert {
  return { ...jobOf(id).data.alert, time: new Date().toISOString() }
}
