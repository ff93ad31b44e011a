import type { Queue as BullQueue } from 'bullmq'
import type { Config } from '../config.ts'
import type { JobData, Queue, Records } from '../ports.ts'
import { createQueue } from './queue.ts'
import type { QueueBackend, QueueOptions } from './queue-backend.ts'
import { openRedisRecords } from './records-redis.ts'
import { openSqlRecords } from './records-sql.ts'

export interface Store {
  readonly kind: Config['store']['kind']
  readonly records: Records
  /** Settings of the store that may lose alerts, and what to do about them: for the start to say. */
  readonly warnings: readonly string[]
  /** One per process; close it before the store. */
  createQueue(options?: QueueOptions): Queue & { board(): BullQueue<JobData> }
  /** Gives back the room of what is gone, as happens by itself every hour; absent: the store does that alone. */
  tidy?(): Promise<void>
  close(): Promise<void>
}

/**
 * Opens the store that the configuration names, and loads only that one's code: the others would take 20 MB.
 *
 * `onError` hears what happens in the background (a dropped connection that is being mended, a clean-up that failed); nothing
 * needs to be done about it, but somebody should see it.
 *
 * @throws StoreError when it cannot be reached, is held by another process, or was written by a newer Portcullis
 */
export async function openStore(
  config: Pick<Config, 'store' | 'dataDir'>,
  onError: (error: Error) => void = () => {},
): Promise<Store> {
  const { store } = config
  switch (store.kind) {
    case 'embedded':
      return openEmbeddedStore(config.dataDir, onError)
    case 'postgres':
      return openPostgresStore(store.url, onError)
    case 'redis':
      return openRedisStore(store.url, onError)
  }
}

async function openEmbeddedStore(dataDir: string, onError: (error: Error) => void): Promise<Store> {
  const { openEmbedded } = await import('./store-embedded.ts')
  const { createPatientBackend } = await import('./postgres-backend.ts')
  const { pool, tidy, close } = await openEmbedded(dataDir, onError)
  const backend: QueueBackend = { kind: 'sql', producer: pool, worker: pool, factory: createPatientBackend }
  const warnings = [
    'The embedded store may lose its last moments in a power cut; for production use Redis with appendonly yes.',
  ]
  return closing(close, async () => ({
    kind: 'embedded',
    records: await openSqlRecords(pool),
    warnings,
    createQueue: (options = {}) => createQueue(backend, { onError, ...options }),
    tidy,
    close,
  }))
}

async function openPostgresStore(url: string, onError: (error: Error) => void): Promise<Store> {
  let closed = false
  // What its connections say while they end is of no use to anybody.
  const hear = (error: Error) => (closed ? undefined : onError(error))
  const { connectPostgres } = await import('./postgres.ts')
  const { createPatientBackend } = await import('./postgres-backend.ts')
  const pool = await connectPostgres(url, hear)
  const close = async () => {
    closed = true
    await pool.end()
  }
  const backend: QueueBackend = { kind: 'sql', producer: pool, worker: pool, factory: createPatientBackend }
  return closing(close, async () => ({
    kind: 'postgres',
    records: await openSqlRecords(pool),
    warnings: [],
    createQueue: (options = {}) => createQueue(backend, { onError: hear, ...options }),
    close,
  }))
}

async function openRedisStore(url: string, onError: (error: Error) => void): Promise<Store> {
  const { connectRedis } = await import('./redis.ts')
  const { producer, worker, warnings, close } = await connectRedis(url, onError)
  const backend: QueueBackend = { kind: 'redis', producer, worker }
  return closing(close, async () => ({
    kind: 'redis',
    records: await openRedisRecords(producer),
    warnings,
    createQueue: (options = {}) => createQueue(backend, { onError, ...options }),
    close,
  }))
}

/** What was opened is closed again when the rest fails. */
async function closing(close: () => Promise<void>, open: () => Promise<Store>): Promise<Store> {
  try {
    return await open()
  } catch (error) {
    await close()
    throw error
  }
}
