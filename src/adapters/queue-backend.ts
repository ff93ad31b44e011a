import type { createPostgresBackend, PgPool } from 'bullmq'
import type { Redis } from 'ioredis'
import type { JobData } from '../ports.ts'

/** Where the jobs lie; the worker's connection waits, the producer's fails fast. */
export type QueueBackend =
  | { readonly kind: 'redis'; readonly producer: Redis; readonly worker: Redis }
  | {
      readonly kind: 'sql'
      readonly producer: PgPool
      readonly worker: PgPool
      readonly factory: typeof createPostgresBackend
    }

export interface QueueOptions {
  /** Jobs at a time; most of them only wait for a pass that they share. Default 1000 on Redis, 500 on SQL. */
  readonly concurrency?: number
  /** Finished jobs kept, of each kind, for at most 7 days. Default 20,000. */
  readonly keepFinished?: number
  /** How long a job of a process that died stays its own, ms. Default 15,000. */
  readonly lockDuration?: number
  /** How often stalled jobs are looked for, ms. Default 5,000. */
  readonly stalledInterval?: number
  /** Hears of a job that ended as failed. */
  readonly onFailed?: (data: JobData, error: Error) => void
  /** Hears what goes wrong in the background. */
  readonly onError?: (error: Error) => void
}

export const QUEUE_NAME = 'alerts'
