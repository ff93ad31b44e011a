import { deepEqual, equal, ok } from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { afterEach, before, beforeEach, describe, it } from 'node:test'
import type { QueueOptions } from '../../src/adapters/queue-backend.ts'
import type { Store } from '../../src/adapters/store.ts'
import { PermanentError, RetryLaterError, StoreError } from '../../src/errors.ts'
import type { Job, JobData, Queue, Ran } from '../../src/ports.ts'
import { withStores } from '../support/stores.ts'
import { jobOf, until } from '../support/stores-jobs.ts'

const DONE: Ran = { kind: 'done', outcome: 'blocked' }
const park = (ms: number, reason = 'edge-full'): Ran => ({ kind: 'park', ms, reason })

describe('the queue', () => {
  withStores((_kind, place) => {
    let store: Store
    let queue: Queue
    let id: string
    // Locks as in production: with shorter ones a busy machine runs jobs twice, as it may, and the counts below would differ.
    const open = (options: QueueOptions = {}) => store.createQueue(options)
    const state = async (of = id) => (await queue.read(of))?.state
    const isIn = (wanted: string, of = id) => until(async () => (await state(of)) === wanted)

    before(async () => {
      store = await place.open()
    })
    beforeEach(() => {
      queue = open()
      id = randomUUID()
    })
    afterEach(() => queue.close(100))

    it('keeps jobs until somebody works, then runs each and completes it', async () => {
      const ids = Array.from({ length: 30 }, () => randomUUID())
      await queue.add(ids.map((each) => jobOf(each)))
      equal(await state(ids[0]), 'waiting')
      const ran: string[] = []
      queue.work(async (job) => {
        ran.push(job.id)
        return DONE
      })
      await until(async () => (await queue.counts()).completed === 30)
      deepEqual(ran.toSorted(), ids.toSorted())
    })

    it('runs a job once, however often it is added, also when it is finished', async () => {
      let runs = 0
      queue.work(async () => {
        runs += 1
        return DONE
      })
      await queue.add([jobOf(id), jobOf(id), jobOf(id)])
      await isIn('completed')
      await queue.add([jobOf(id, { wantsBlock: false })])
      equal(await state(), 'completed')
      equal((await queue.read(id))?.data.wantsBlock, true)
      equal(runs, 1)
    })

    it('takes any string for an id, and text that no database likes', async () => {
      const ids = ['12345', 'a:b', 'meta', 'wait', 'NaN', '-7', 'nul\u0000', '\ud800', 'a b/ü', 'x'.repeat(400)]
      const evidence = { 'url\u0000': 'half \ud800 and \u0000 and \\u0000 as text' }
      await queue.add(
        ids.map((each) => ({
          id: each,
          data: { ...jobOf(each).data, alert: { ...jobOf('plain').data.alert, evidence } },
        })),
      )
      for (const each of ids) equal(await state(each), 'waiting', JSON.stringify(each))
      deepEqual((await queue.read('meta'))?.data.alert.evidence, {
        'url\uFFFD': 'half \uFFFD and \uFFFD and \\u0000 as text',
      })
      queue.work(async () => DONE)
      for (const each of ids) await isIn('completed', each)
    })

    it('knows nothing of a job that was never added', async () => {
      equal(await queue.read(id), null)
      deepEqual(await queue.rerun([jobOf(id)]), new Map())
      await queue.wake([id])
    })

    it('saves what a job has done, for its next run', async () => {
      const seen: unknown[] = []
      queue.work(async (job) => {
        seen.push(job.data.checkpoints)
        if (seen.length === 2) return DONE
        await job.save({ ...job.data, checkpoints: { block: { held: true } } })
        deepEqual(job.data.checkpoints, { block: { held: true } })
        return park(1)
      })
      await queue.add([jobOf(id)])
      await isIn('completed')
      deepEqual(seen, [{}, { block: { held: true } }])
    })

    it('parks without spending an attempt, shows why, and runs again when the time has come', async () => {
      const attempts: number[] = []
      let seen = false
      queue.work(async (job) => {
        attempts.push(job.attempts)
        return seen && attempts.length >= 3 ? DONE : park(200)
      })
      await queue.add([jobOf(id)])
      await isIn('delayed')
      seen = true
      equal((await queue.read(id))?.data.waiting, 'edge-full')
      await isIn('completed')
      deepEqual(new Set(attempts), new Set([0]))
    })

    it('runs a woken job at once', async () => {
      const runs: number[] = []
      queue.work(async () => {
        runs.push(Date.now())
        return runs.length === 1 ? park(60_000) : DONE
      })
      await queue.add([jobOf(id)])
      await isIn('delayed')
      const start = Date.now()
      await queue.wake([id, randomUUID()])
      await until(() => runs.length === 2)
      // A worker that hears of nothing looks again after 5 s, at the earliest.
      const ms = (runs[1] ?? 0) - start
      ok(ms < 4000, `${ms} ms`)
      await isIn('completed')
    })

    it('does not lose a wake that comes while the job runs, or at the very moment it parks', async () => {
      let runs = 0
      queue.work(async () => {
        runs += 1
        if (runs === 1) await queue.wake([id])
        // The second one is on its way when the job parks.
        if (runs === 2) setImmediate(() => void queue.wake([id]))
        return runs < 3 ? park(60_000) : DONE
      })
      await queue.add([jobOf(id)])
      await isIn('completed')
      equal(runs, 3)
    })

    it('wakes 200 jobs long before their parks end', async () => {
      const ids = Array.from({ length: 200 }, () => randomUUID())
      const woken = new Set<string>()
      let parked = 0
      queue.work(async (job) => {
        if (woken.has(job.id)) return DONE
        woken.add(job.id)
        parked += 1
        return park(600_000)
      })
      await queue.add(ids.map((each) => jobOf(each)))
      await until(async () => parked === 200 && (await queue.counts()).active === 0, 60_000)
      const completed = (await queue.counts()).completed ?? 0
      await queue.wake(ids)
      await until(async () => (await queue.counts()).completed === completed + 200, 120_000)
    })

    it('tries a failed run again, counting, after the time that the other side asked for', async () => {
      const runs: { attempts: number; at: number }[] = []
      queue.work(async (job) => {
        runs.push({ attempts: job.attempts, at: Date.now() })
        if (runs.length === 1) throw new RetryLaterError('not now \u0000', 300)
        if (runs.length === 2) throw new StoreError('away for a moment')
        return DONE
      })
      await queue.add([jobOf(id)])
      await isIn('completed')
      deepEqual(
        runs.map(({ attempts }) => attempts),
        [0, 1, 2],
      )
      ok((runs[1]?.at ?? 0) - (runs[0]?.at ?? 0) >= 295)
    })

    it('ends a job as failed when trying again cannot help, and says so', async () => {
      const failed: [JobData, Error][] = []
      await queue.close(0)
      queue = open({ onFailed: (data, error) => failed.push([data, error]) })
      const error = new PermanentError('the template is wrong \u0000')
      queue.work(async () => {
        throw error
      })
      await queue.add([jobOf(id)])
      await isIn('failed')
      await until(() => failed.length === 1)
      equal(failed[0]?.[0].alert.id, id)
      equal(failed[0]?.[1], error)
    })

    it('runs finished jobs again in place, with new data and fresh attempts', async () => {
      const other = randomUUID()
      const seen: Pick<Job, 'id' | 'attempts'>[] = []
      queue.work(async (job) => {
        seen.push({ id: job.id, attempts: job.attempts })
        if (job.id === other && !job.data.replay) throw new PermanentError('no')
        return DONE
      })
      await queue.add([jobOf(id), jobOf(other)])
      await Promise.all([isIn('completed'), isIn('failed', other)])
      const replay = { at: '2026-01-02T00:00:00.000Z', by: 'alice' }
      const again = [id, other, randomUUID()].map((each) => jobOf(each, { replay }))
      deepEqual(
        await queue.rerun(again),
        new Map([
          [id, true],
          [other, true],
        ]),
      )
      await until(() => seen.length === 4)
      await Promise.all([isIn('completed'), isIn('completed', other)])
      deepEqual((await queue.read(other))?.data.replay, replay)
      deepEqual(
        seen.slice(2).map(({ attempts }) => attempts),
        [0, 0],
      )
    })

    it('runs a parked job again at once, with new data, and leaves one that waits or is at work as it is, and says so', async () => {
      await queue.add([jobOf(id)])
      deepEqual(await queue.rerun([jobOf(id, { wantsBlock: false })]), new Map([[id, false]]))
      equal((await queue.read(id))?.data.wantsBlock, true)
      const whileAtWork: unknown[] = []
      queue.work(async (job) => {
        if (!job.data.wantsBlock) return DONE
        whileAtWork.push(await queue.rerun([jobOf(id, { wantsBlock: false })]))
        return park(60_000)
      })
      await isIn('delayed')
      deepEqual(whileAtWork, [new Map([[id, false]])])
      deepEqual(await queue.rerun([jobOf(id, { wantsBlock: false })]), new Map([[id, true]]))
      await isIn('completed')
    })
  })
})
