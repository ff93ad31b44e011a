import { type PgPool, runMigrations } from 'bullmq'
import { Client, type ClientConfig, Pool } from 'pg'
import { messageOf, StoreError } from '../errors.ts'

/**
 * Connects to PostgreSQL and brings BullMQ's tables (schema `bullmq`) up to date.
 *
 * @throws StoreError when it cannot be reached or its BullMQ tables are newer than ours
 */
export async function connectPostgres(url: string, onError: (error: Error) => void): Promise<PgPool> {
  const pool = new Pool({ ...settingsOf(url), max: 12, query_timeout: STATEMENT_MS })
  // An idle connection that drops is no reason to end the process.
  pool.on('error', onError)
  // Each of BullMQ's objects listens too, and none of them stops.
  pool.setMaxListeners(0)
  try {
    await bringUpToDate(url, onError)
    // The two libraries type their listeners differently; the pool is the one that BullMQ means.
    return pool as unknown as PgPool
  } catch (error) {
    await pool.end().catch(onError)
    throw new StoreError(`PostgreSQL at ${place(url)} cannot be used: ${messageOf(error)}. Look at STORE_URL.`, {
      cause: error,
    })
  }
}

/**
 * A webhook is better answered 503 within seconds than held: its sender tries again, and an alert is one job however late the
 * statement that was given up should arrive. A connection whose answer does not come is closed with it.
 */
const STATEMENT_MS = 10_000

/** An index over many jobs takes its time. */
const MIGRATION_MS = 60_000

async function bringUpToDate(url: string, onError: (error: Error) => void): Promise<void> {
  const client = new Client({ ...settingsOf(url), query_timeout: MIGRATION_MS })
  client.on('error', onError)
  await client.connect()
  try {
    await runMigrations(client)
  } finally {
    // Nobody has to wait for its last word.
    void client.end().catch(onError)
  }
}

function settingsOf(url: string): ClientConfig {
  return {
    connectionString: url,
    // BullMQ's statements name no schema, and the ledger's locks count on read committed, whatever the database prefers.
    options: '-c search_path=bullmq -c default_transaction_isolation=read\\ committed',
    application_name: 'portcullis',
    connectionTimeoutMillis: 5000,
    keepAlive: true,
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
