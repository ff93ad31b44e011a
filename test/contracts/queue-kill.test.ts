import { deepEqual, equal, rejects } from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { describe, it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Queue } from '../../src/ports.ts'
import { type Place, withStores } from '../support/stores.ts'
import { until } from '../support/stores-jobs.ts'

const CHILD = fileURLToPath(new URL('../support/stores-child.ts', import.meta.url))

/** A process that has added these jobs (and begun them, with `work`). */
async function processWith(place: Place, ids: readonly string[], mode: 'add' | 'work'): Promise<ChildProcess> {
  const args = [CHILD, JSON.stringify(place.config()), JSON.stringify(ids), mode]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const last = () => child.kill('SIGKILL')
  process.once('exit', last)
  const ended = once(child, 'exit').then(([code]) => {
    process.removeListener('exit', last)
    throw new Error(`The process ended with ${code} before it was ready`)
  })
  ended.catch(() => undefined)
  await Promise.race([once(child.stdout ?? child, 'data'), ended])
  return child
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'exit')
}

/** The queue of that store; both are closed when the test ends, however it does. */
async function queueOf(t: TestContext, place: Place): Promise<Queue> {
  const store = await place.open()
  const queue = store.createQueue({ lockDuration: 1000, stalledInterval: 500 })
  t.after(async () => {
    await queue.close(1000)
    await store.close()
  })
  return queue
}

describe('a killed process', () => {
  withStores((kind, place) => {
    it('loses no job that was added', async (t) => {
      const ids = Array.from({ length: 50 }, () => randomUUID())
      await kill(await processWith(place, ids, 'add'))
      const queue = await queueOf(t, place)
      for (const id of ids) equal((await queue.read(id))?.state, 'waiting')
    })

    it('leaves what it was running to the next start, however often it dies', async (t) => {
      const ids = [randomUUID(), randomUUID()]
      await kill(await processWith(place, ids, 'work'))
      await kill(await processWith(place, ids, 'work'))
      const queue = await queueOf(t, place)
      const ran = new Set<string>()
      queue.work(async (job) => {
        ran.add(job.id)
        return { kind: 'done', outcome: 'blocked' }
      })
      await until(() => ids.every((id) => ran.has(id)))
      await until(async () => (await queue.read(ids[0] ?? ''))?.state === 'completed')
      deepEqual((await queue.counts()).failed, 0)
    })

    if (kind !== 'embedded') return

    it('releases the directory that nobody else could open while it lived', async (t) => {
      const child = await processWith(place, [], 'add')
      t.after(() => child.kill('SIGKILL'))
      await rejects(place.open(), { name: 'StoreError', message: /another Portcullis runs on this data/ })
      await kill(child)
      const store = await place.open()
      await store.records.ping()
      await store.close()
    })
  })
})
