import { cpSync, mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe } from 'node:test'
import { Redis } from 'ioredis'
import { Client } from 'pg'
import { openStore, type Store } from '../../src/adapters/store.ts'
import type { Config } from '../../src/config.ts'
import { findProgram, postgresFolders, type Server, startPostgres, startRedis } from './stores-servers.ts'

export type StoreKind = Config['store']['kind']
export type StoreConfig = Pick<Config, 'store' | 'dataDir'>

export interface Place {
  readonly kind: StoreKind
  /** Where the store is: for another process, say. */
  config(): StoreConfig
  /** Opens the store there, whatever it holds; one at a time where it is embedded. Those left open are closed at the end. */
  open(): Promise<Store>
}

/**
 * Registers the same tests for each store (of these kinds) that this machine has, and says loudly which ones it has not.
 *
 * Redis and PostgreSQL are started for them, unless `TEST_REDIS_URL` (whose `portcullis:` keys are deleted) or
 * `TEST_POSTGRES_URL` (where a database of their own is made) offer one. Each call has a fresh store.
 */
export function withStores(
  tests: (kind: StoreKind, place: Place) => void,
  kinds: readonly StoreKind[] = ['embedded', 'redis', 'postgres'],
): void {
  for (const kind of kinds) {
    const skip = missing(kind)
    describe(`on ${kind}`, { skip }, () => {
      let found: { config: StoreConfig; remove(): Promise<void> } | null = null
      const opened = new Set<Store>()
      const config = () => {
        if (!found) throw new Error('The store is there only while tests run')
        return found.config
      }
      before(async () => {
        found = await prepare(kind)
      })
      after(async () => {
        for (const store of opened) await store.close()
        await found?.remove()
      })
      tests(kind, { kind, config, open: () => openTracked(config(), opened) })
    })
  }
}

/** The store, forgotten by `opened` when a test closes it itself. */
async function openTracked(config: StoreConfig, opened: Set<Store>): Promise<Store> {
  const store = await openStore(config)
  const tracked: Store = {
    ...store,
    async close() {
      if (opened.delete(tracked)) await store.close()
    },
  }
  opened.add(tracked)
  return tracked
}

function missing(kind: StoreKind): string | false {
  if (kind === 'redis' && !process.env.TEST_REDIS_URL && !findProgram('redis-server')) {
    return 'NOT TESTED: redis-server is not installed and TEST_REDIS_URL is not set'
  }
  if (kind === 'postgres' && !process.env.TEST_POSTGRES_URL && !findProgram('initdb', postgresFolders())) {
    return 'NOT TESTED: PostgreSQL is not installed and TEST_POSTGRES_URL is not set'
  }
  return false
}

async function prepare(kind: StoreKind): Promise<{ config: StoreConfig; remove(): Promise<void> }> {
  switch (kind) {
    case 'embedded':
      return prepareEmbedded()
    case 'redis':
      return prepareRedis(process.env.TEST_REDIS_URL)
    case 'postgres':
      return preparePostgres(process.env.TEST_POSTGRES_URL)
  }
}

/** A folder for an embedded store; where the run has made an empty one, a copy of it: making its cluster takes seconds. */
export function emptyDataDir(): string {
  const dataDir = mkdtempSync(join(tmpdir(), 'portcullis-store-'))
  const template = process.env.PORTCULLIS_TEST_STORE
  if (template) cpSync(template, dataDir, { recursive: true })
  return dataDir
}

async function prepareEmbedded() {
  const dataDir = emptyDataDir()
  const remove = () => rm(dataDir, { recursive: true, force: true })
  return { config: { store: { kind: 'embedded' }, dataDir } as const, remove }
}

async function prepareRedis(offered: string | undefined) {
  const server: Server | null = offered ? null : await startRedis()
  const url = offered ?? server?.url ?? ''
  if (offered) await clearRedis(url)
  return { config: { store: { kind: 'redis', url }, dataDir: '' } as const, remove: async () => server?.stop() }
}

async function clearRedis(url: string): Promise<void> {
  const redis = new Redis(url)
  const keys = await redis.keys('portcullis:*')
  if (keys.length > 0) await redis.del(...keys)
  redis.disconnect()
}

async function preparePostgres(offered: string | undefined) {
  const server: Server | null = offered ? null : await startPostgres()
  if (server)
    return { config: { store: { kind: 'postgres', url: server.url }, dataDir: '' } as const, remove: server.stop }
  const name = `portcullis_test_${process.pid}_${Date.now()}`
  await runSql(offered ?? '', `CREATE DATABASE ${name}`)
  const url = new URL(offered ?? '')
  url.pathname = `/${name}`
  const remove = () => runSql(offered ?? '', `DROP DATABASE ${name} WITH (FORCE)`)
  return { config: { store: { kind: 'postgres', url: url.href }, dataDir: '' } as const, remove }
}

async function runSql(url: string, text: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}
