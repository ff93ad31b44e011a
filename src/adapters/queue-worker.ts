import { setTimeout as timeout } from 'node:timers/promises'
import {
  type Job as BullJob,
  createRedisBackend,
  DelayedError,
  type IQueueBackend,
  UnrecoverableError,
  Worker,
  type WorkerOptions,
} from 'bullmq'
import { messageOf, PermanentError, RetryLaterError, StoreError } from '../errors.ts'
import type { Job, JobData, Ran } from '../ports.ts'
import { QUEUE_NAME, type QueueBackend, type QueueOptions } from './queue-backend.ts'
import { storable, wellFormed } from './queue-text.ts'

export interface WorkerHandle {
  /** True when this process runs the job now: should it park, it runs again at once. */
  wake(jobId: string): boolean
  /** Takes no more jobs, waits at most `graceMs` for those that run, and leaves the rest to whoever starts next. */
  close(graceMs: number): Promise<void>
}

/** Runs the queue's jobs until closed. */
export function startWorker(
  backend: QueueBackend,
  options: QueueOptions,
  run: (job: Job) => Promise<Ran>,
): WorkerHandle {
  const running = new Map<string, { woken: boolean }>()

  async function process(job: BullJob<JobData>, token?: string): Promise<{ outcome: string }> {
    const id = job.id ?? ''
    const state = { woken: false }
    running.set(id, state)
    try {
      const ran = await run(portJob(job))
      if (ran.kind === 'done') return { outcome: ran.outcome }
      await park(job, token, ran, state)
      throw new DelayedError()
    } catch (error) {
      throw error instanceof DelayedError ? error : failure(error)
    } finally {
      // It may run again already: a job that parks for no time is taken before this one hears that it has parked.
      if (running.get(id) === state) running.delete(id)
    }
  }

  const workers = openWorkers(backend, options, process)
  for (const worker of workers) {
    worker.on('error', (error) => options.onError?.(error))
    worker.on('failed', (job, error) => {
      if (job && error instanceof UnrecoverableError) options.onFailed?.(job.data, (error.cause as Error) ?? error)
    })
  }

  return {
    wake(id) {
      const state = running.get(id)
      if (state) state.woken = true
      return state !== undefined
    },
    async close(graceMs) {
      await Promise.all(workers.map((worker) => worker.pause(true)))
      const finished = await within(graceMs, () => running.size === 0)
      await Promise.all(workers.map(disconnect))
      // Where the jobs are done, what they came to may still be on its way to the store.
      if (finished && isThere(backend)) await within(LONGEST_END, () => workers.every((worker) => !worker.isRunning()))
      // BullMQ's gentle end waits without end for connections that were never made, and renews its locks until then.
      const ended = Promise.all(workers.map((worker) => worker.close(true)))
      await Promise.race([ended, timeout(LONGEST_END, undefined, { ref: false })])
      // A loop that had not yet heard of the end may have connected again.
      await Promise.all(workers.map(disconnect))
    },
  }
}

/** BullMQ waits for a connection that was never made before it ends it: then only the worker's own end does. */
async function disconnect(worker: AlertWorker): Promise<void> {
  const ended = (worker.backend as IQueueBackend).disconnectBlocking(false).catch(() => {})
  await Promise.race([ended, timeout(100, undefined, { ref: false })])
}

/** A wake that comes before the job is delayed, or while it is being, must not be lost: whoever wakes leaves it to us then. */
async function park(
  job: BullJob<JobData>,
  token: string | undefined,
  ran: { ms: number; reason: string },
  state: { woken: boolean },
): Promise<void> {
  if (job.data.waiting !== ran.reason) await job.updateData(storable({ ...job.data, waiting: ran.reason }))
  const wasWoken = state.woken
  await job.moveToDelayed(Date.now() + (wasWoken ? 0 : ran.ms), token)
  if (state.woken && !wasWoken) await job.promote().catch(() => {})
}

function portJob(job: BullJob<JobData>): Job {
  return {
    id: job.data.alert.id,
    get data() {
      return job.data
    },
    attempts: job.attemptsMade,
    async save(data) {
      try {
        await job.updateData(storable(data))
      } catch (error) {
        throw new StoreError(`The queue could not save a job: ${messageOf(error)}`, { cause: error })
      }
    },
  }
}

/** BullMQ's words for "no use" and "again"; the error itself is the cause. The text is stored, so it must be storable. */
function failure(error: unknown): Error {
  const message = wellFormed(messageOf(error))
  const failed = error instanceof PermanentError ? new UnrecoverableError(message) : new Error(message)
  failed.cause = error
  if (error instanceof Error && error.stack) failed.stack = wellFormed(error.stack)
  return failed
}

type AlertWorker = Worker<JobData, { outcome: string }>
type Process = (job: BullJob<JobData>, token?: string) => Promise<{ outcome: string }>

/**
 * A BullMQ worker fetches job after job, until there are none or it has its full number, before it begins with the first: a
 * single one would leave a whole burst untouched until the last of it has arrived. In PGlite each more would only ask more.
 */
function openWorkers(backend: QueueBackend, options: QueueOptions, process: Process): AlertWorker[] {
  const concurrency = options.concurrency ?? (backend.kind === 'redis' ? 1000 : 500)
  const count = Math.min(concurrency, backend.kind === 'redis' ? REDIS_WORKERS : 1)
  return Array.from({ length: count }, () => openWorker(backend, options, process, Math.ceil(concurrency / count)))
}

const REDIS_WORKERS = 8

function openWorker(backend: QueueBackend, options: QueueOptions, process: Process, concurrency: number): AlertWorker {
  const shared: Omit<WorkerOptions, 'connection'> = {
    concurrency,
    // Half of BullMQ's 30 s: after a kill the next start has its jobs within 20 s, and an event loop may still hang for
    // seconds before somebody else takes them. Running twice does no harm, every step can be repeated.
    lockDuration: options.lockDuration ?? 15_000,
    stalledInterval: options.stalledInterval ?? 5000,
    // However often a process dies, its jobs are taken up again. The number is PostgreSQL's largest integer.
    maxStalledCount: 2_147_483_647,
    // Whoever waits for a store that is away tries again after this, ms.
    runRetryDelay: 1000,
    settings: { backoffStrategy: (attempts, _type, error) => backoff(attempts, error, Math.random()) },
  }
  return backend.kind === 'redis'
    ? new Worker(
        QUEUE_NAME,
        process,
        { ...shared, connection: backend.worker, prefix: 'portcullis' },
        createRedisBackend,
      )
    : (new Worker(
        QUEUE_NAME,
        process,
        { ...shared, connection: backend.worker },
        backend.factory,
      ) as unknown as AlertWorker)
}

/** 0.5 s, 1 s, 2 s, … at most 60 s, each cut by up to half by `chance` (0 to 1), unless the other side said when. */
function backoff(attempts: number, error: Error | undefined, chance: number): number {
  if (error?.cause instanceof RetryLaterError) return Math.max(1, Math.ceil(error.cause.retryAfterMs))
  const longest = Math.min(60_000, 500 * 2 ** Math.min(attempts - 1, 10))
  return Math.ceil(longest * (1 - chance / 2))
}

/** What has not ended by now, ms, ends when the store's connections are closed, which comes next. */
const LONGEST_END = 2000

function isThere(backend: QueueBackend): boolean {
  return backend.kind === 'sql' || backend.worker.status === 'ready'
}

/** True when it becomes so within the time. */
async function within(ms: number, isSo: () => boolean): Promise<boolean> {
  const end = Date.now() + ms
  while (!isSo() && Date.now() < end) await timeout(20)
  return isSo()
}
