import { type PgPool, runMigrations } from 'bullmq'
import { Pool } from 'pg'
import { messageOf, StoreError } from '../errors.ts'

/**
 * Connects to PostgreSQL and brings BullMQ's tables (schema `bullmq`) up to date.
 *
 * @throws StoreError when it cannot be reached or its BullMQ tables are newer than ours
 */
export async function connectPostgres(url: string, onError: (error: Error) => void): Promise<PgPool> {
  const pool = new Pool({
    connectionString: url,
    // BullMQ's statements name no schema, and the ledger's locks count on read committed, whatever the database prefers.
    options: '-c search_path=bullmq -c default_transaction_isolation=read\\ committed',
    application_name: 'portcullis',
    max: 12,
    connectionTimeoutMillis: 5000,
    query_timeout: 30_000,
    keepAlive: true,
  })
  // An idle connection that drops is no reason to end the process.
  pool.on('error', onError)
  // Each of BullMQ's objects listens too, and none of them stops.
  pool.setMaxListeners(0)
  try {
    const client = await pool.connect()
    try {
      await runMigrations(client)
    } finally {
      client.release()
    }
    // The two libraries type their listeners differently; the pool is the one that BullMQ means.
    return pool as unknown as PgPool
  } catch (error) {
    await pool.end().catch(onError)
    throw new StoreError(`PostgreSQL at ${place(url)} cannot be used: ${messageOf(error)}. Look at STORE_URL.`, {
      cause: error,
    })
  }
}

/** Host, port and database only: a URL may hold a password. */
function place(url: string): string {
  try {
    const { host, pathname } = new URL(url)
    return `${host}${pathname}`
  } catch {
    return 'the given STORE_URL'
  }
}
