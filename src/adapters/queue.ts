import { createHash } from 'node:crypto'
import { Queue as BullQueue, createRedisBackend, ErrorCode, type IQueueBackend } from 'bullmq'
import type { JobData, Queue } from '../ports.ts'
import { shareAdds } from './queue-adds.ts'
import { QUEUE_NAME, type QueueBackend, type QueueOptions } from './queue-backend.ts'
import { storable } from './queue-text.ts'
import { startWorker, type WorkerHandle } from './queue-worker.ts'
import { inStore } from './store-attempt.ts'

/** The queue of alerts, on BullMQ. `board` gives BullMQ's own queue, for a dashboard. Every failure is a StoreError. */
export function createQueue(backend: QueueBackend, options: QueueOptions): Queue & { board(): BullQueue<JobData> } {
  const queue = openBullQueue(backend, options)
  queue.on('error', (error) => options.onError?.(error))
  let worker: WorkerHandle | null = null

  async function rerunOne(id: string, data: JobData): Promise<boolean | null> {
    const job = await queue.getJob(jobId(id))
    if (!job) return null
    const state = await job.getState()
    if (state === 'unknown') return null
    if (state !== 'completed' && state !== 'failed' && state !== 'delayed') return false
    try {
      await job.updateData(storable(data))
      if (state === 'delayed') await (queue.backend as IQueueBackend).promote(jobId(id))
      else await job.retry(state, { resetAttemptsMade: true, resetAttemptsStarted: true })
      return true
    } catch (error) {
      const code = codeOf(error)
      if (code === ErrorCode.JobNotExist) return null
      if (code !== ErrorCode.JobNotInState) throw error
      // Somebody else was faster, or it has begun by itself: with which data, nobody can tell.
      worker?.wake(jobId(id))
      return false
    }
  }

  async function wakeOne(id: string): Promise<void> {
    const key = jobId(id)
    if (worker?.wake(key)) return
    try {
      await (queue.backend as IQueueBackend).promote(key)
    } catch (error) {
      const code = codeOf(error)
      if (code !== ErrorCode.JobNotExist && code !== ErrorCode.JobNotInState) throw error
      // It may have begun meanwhile, and be about to park on what it read before.
      worker?.wake(key)
    }
  }

  /** Redis takes what arrives together in one go by itself; in SQL every call is a transaction of its own. */
  async function add(jobs: readonly { id: string; data: JobData }[]): Promise<void> {
    await inStore('take alerts', async () => {
      for (const some of chunks(jobs, ADD_AT_ONCE)) {
        await queue.addBulk(
          some.map(({ id, data }) => ({ name: 'alert', data: storable(data), opts: { jobId: jobId(id) } })),
        )
      }
    })
  }

  return {
    add: backend.kind === 'sql' ? shareAdds(add) : add,
    async rerun(jobs) {
      const found = new Map<string, boolean>()
      for (const some of chunks(jobs, CALLS_AT_ONCE)) {
        const present = await inStore('run alerts again', () =>
          Promise.all(some.map(({ id, data }) => rerunOne(id, data))),
        )
        for (const [at, { id }] of some.entries()) {
          const again = present[at]
          if (again != null) found.set(id, again)
        }
      }
      return found
    },
    async read(id) {
      return inStore('read a job', async () => {
        const job = await queue.getJob(jobId(id))
        return job ? { state: await job.getState(), data: job.data } : null
      })
    },
    async wake(ids) {
      for (const some of chunks(ids, CALLS_AT_ONCE)) await inStore('wake jobs', () => Promise.all(some.map(wakeOne)))
    },
    work(run) {
      if (worker) throw new Error('This queue is already being worked on')
      worker = startWorker(backend, options, run)
    },
    async counts() {
      return inStore('count jobs', () => queue.getJobCounts('waiting', 'active', 'delayed', 'completed', 'failed'))
    },
    async close(graceMs) {
      await worker?.close(graceMs)
      await queue.close()
    },
    board: () => queue,
  }
}

const ADD_AT_ONCE = 200
const CALLS_AT_ONCE = 100

/** Attempts never run out: `GIVE_UP_AFTER` is the pipeline's to decide. */
function openBullQueue(backend: QueueBackend, options: QueueOptions): BullQueue<JobData> {
  const keep = { age: 7 * 24 * 3600, count: options.keepFinished ?? 20_000 }
  const shared = {
    defaultJobOptions: {
      attempts: 1_000_000,
      backoff: { type: 'custom' },
      stackTraceLimit: 3,
      removeOnComplete: keep,
      removeOnFail: keep,
    },
    streams: { events: { maxLen: 1000 } },
  }
  return backend.kind === 'redis'
    ? new BullQueue(QUEUE_NAME, { ...shared, connection: backend.producer, prefix: 'portcullis' }, createRedisBackend)
    : (new BullQueue(
        QUEUE_NAME,
        { ...shared, connection: backend.producer },
        backend.factory,
      ) as unknown as BullQueue<JobData>)
}

/**
 * BullMQ refuses whole numbers and most ids with a colon, PostgreSQL a NUL, and on Redis a job named `meta` or `wait` would
 * overwrite the queue's own keys, all of them shorter than 20 characters. `data.alert.id` stays the truth.
 */
export function jobId(id: string): string {
  return /^(?=.*[a-z])[\w.-]{20,128}$/i.test(id) ? id : `h${createHash('sha256').update(id).digest('hex')}`
}

/** BullMQ's. */
function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : null
}

function* chunks<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size)
}
