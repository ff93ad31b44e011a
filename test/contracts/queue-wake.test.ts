import { equal } from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { describe, it, type TestContext } from 'node:test'
import { createPatientBackend } from '../../src/adapters/postgres-backend.ts'
import { createQueue } from '../../src/adapters/queue.ts'
import { openEmbedded } from '../../src/adapters/store-embedded.ts'
import type { Queue } from '../../src/ports.ts'
import { emptyDataDir } from '../support/stores.ts'
import { jobOf, until } from '../support/stores-jobs.ts'

describe('a wake', () => {
  it('is not lost on a job that runs again before the worker has heard that it had parked', async (t) => {
    const begunAgain = Promise.withResolvers<void>()
    const queue = await queueThatHearsLate(t, begunAgain.promise)
    const id = randomUUID()
    let runs = 0
    queue.work(async () => {
      runs += 1
      // For this it runs again at once.
      if (runs === 1) await queue.wake([id])
      if (runs === 2) {
        begunAgain.resolve()
        for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
        await queue.wake([id])
      }
      return runs < 3 ? { kind: 'park', ms: 60_000, reason: 'edge-full' } : { kind: 'done', outcome: 'blocked' }
    })
    await queue.add([jobOf(id)])
    await until(async () => (await queue.read(id))?.state === 'completed')
    equal(runs, 3)
  })
})

/** A queue of its own, which hears that a job has parked only then. */
async function queueThatHearsLate(t: TestContext, then: Promise<void>): Promise<Queue> {
  const dataDir = emptyDataDir()
  const { pool, close } = await openEmbedded(dataDir, () => undefined)
  const late: typeof pool = Object.assign(Object.create(pool), {
    async query(text: string, params?: unknown[]) {
      const answer = await pool.query(text, params)
      if (text.includes('SELECT move_to_delayed')) await then
      return answer
    },
  })
  const queue = createQueue({ kind: 'sql', producer: late, worker: late, factory: createPatientBackend }, {})
  t.after(async () => {
    await queue.close(100)
    await close()
    await rm(dataDir, { recursive: true, force: true })
  })
  return queue
}
