import { access, constants, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { type PgPool, runMigrations } from 'bullmq'
import { messageOf, StoreError } from '../errors.ts'
import { holdDirectory } from './lock.ts'
import { createPglitePool } from './pglite.ts'
import { createSession, type Session } from './pglite-session.ts'
import { QUEUE_NAME } from './queue-backend.ts'
import { markWhole, refuseRemains, whyUnreadable } from './store-damage.ts'
import { createRoomGuard } from './store-room.ts'

/**
 * Opens PostgreSQL in this process, in `<dataDir>/store`, for this process alone.
 *
 * @throws StoreError when another process has it, or it cannot be opened
 */
export async function openEmbedded(
  dataDir: string,
  onError: (error: Error) => void,
): Promise<{ pool: PgPool; tidy(): Promise<void>; close(): Promise<void> }> {
  const directory = join(dataDir, 'store')
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await access(directory, constants.W_OK)
  } catch (error) {
    throw new StoreError(`${directory} cannot be made or written to: ${messageOf(error)}. Look at DATA_DIR.`, {
      cause: error,
    })
  }
  const lock = holdDirectory(join(dataDir, 'store.lock'))
  const mark = join(dataDir, 'store.made')
  const refuseWithoutRoom = createRoomGuard(directory)
  let session: Session | null = null
  try {
    refuseRemains(directory, mark)
    refuseWithoutRoom()
    session = createSession(await PGlite.create(directory), async () => {
      refuseWithoutRoom()
      const db = await PGlite.create(directory)
      await db.exec(SEARCH_PATH)
      return db
    })
    const pool = createPglitePool(session, refuseWithoutRoom)
    await prepare(pool)
    markWhole(mark)
    return { pool, tidy: () => tidy(pool), close: keepTidy(pool, session, lock, onError) }
  } catch (error) {
    await session?.close().catch(onError)
    lock.release()
    const why = whyUnreadable(messageOf(error), mark)
    throw new StoreError(`The embedded store in ${directory} cannot be opened: ${why}`, { cause: error })
  }
}

async function prepare(pool: PgPool): Promise<void> {
  const client = await pool.connect()
  await runMigrations(client)
  client.release()
  await pool.query(SEARCH_PATH)
  await recover(pool)
}

/** One session serves everybody, so this holds for all: BullMQ's statements name no schema. */
const SEARCH_PATH = 'SET search_path TO bullmq'

/**
 * Lets the worker's first look take up every job that was active when the last process died. Nobody else can be working on
 * one, the directory is ours, so there is no lock to wait for: they are marked as seen stalled, with their time over.
 */
async function recover(pool: PgPool): Promise<void> {
  await pool.query(`UPDATE job SET locked_until_ms = 0, stalled_marked = true WHERE queue = $1 AND state = 'active'`, [
    QUEUE_NAME,
  ])
  await pool.query(`DELETE FROM meta WHERE queue = $1 AND field = 'stalled-check'`, [QUEUE_NAME])
}

const HOUR = 3_600_000

/** Tidies every hour and at the end; answers how to close. */
function keepTidy(
  pool: PgPool,
  session: Session,
  lock: { release(): void },
  onError: (error: Error) => void,
): () => Promise<void> {
  const timer = setInterval(() => void tidy(pool).catch(onError), HOUR)
  timer.unref()
  return async () => {
    clearInterval(timer)
    try {
      await tidy(pool).catch(onError)
      await session.close()
    } finally {
      lock.release()
    }
  }
}

/** PGlite has no background workers: nobody else sweeps dead rows or shortens the log that a start replays. */
async function tidy(pool: PgPool): Promise<void> {
  await pool.query('VACUUM ANALYZE')
  await pool.query('CHECKPOINT')
}
