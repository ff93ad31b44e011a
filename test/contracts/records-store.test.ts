import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it, type TestContext } from 'node:test'
import { PGlite } from '@electric-sql/pglite'
import { Redis } from 'ioredis'
import { Client } from 'pg'
import { holdDirectory } from '../../src/adapters/lock.ts'
import { createPglitePool } from '../../src/adapters/pglite.ts'
import { createSession } from '../../src/adapters/pglite-session.ts'
import { openStore } from '../../src/adapters/store.ts'
import { type Place, withStores } from '../support/stores.ts'
import { until } from '../support/stores-jobs.ts'
import { findProgram, type Server, startRedis } from '../support/stores-servers.ts'

/** Does this to the closed store, behind our back. */
async function tamper(place: Place, sql: string, redisDoes: (redis: Redis) => Promise<unknown>): Promise<void> {
  const { store, dataDir } = place.config()
  if (store.kind === 'embedded') {
    const db = await PGlite.create(join(dataDir, 'store'))
    await db.exec(sql)
    await db.close()
  } else if (store.kind === 'postgres') {
    const client = new Client({ connectionString: store.url })
    await client.connect()
    await client.query(sql)
    await client.end()
  } else {
    const redis = new Redis(store.url)
    await redisDoes(redis)
    redis.disconnect()
  }
}

describe('a store', () => {
  withStores((_kind, place) => {
    it('names the record that somebody damaged', async () => {
      const store = await place.open()
      await store.records.commit({ put: [{ collection: 'bans', id: '192.0.2.7', doc: { fine: true } }] })
      await store.close()
      await tamper(place, `UPDATE portcullis.records SET doc = '{"fi'`, (redis) =>
        redis.hset('portcullis:records:bans', '192.0.2.7', '7:{"fi'),
      )
      const again = await place.open()
      await rejects(again.records.get('bans', ['192.0.2.7']), { name: 'StoreError', message: /bans\/192\.0\.2\.7/ })
      await rejects(again.records.all('bans'), { name: 'StoreError', message: /bans\/192\.0\.2\.7/ })
      await again.close()
    })

    it('refuses what a newer Portcullis wrote', async () => {
      await tamper(place, `UPDATE portcullis.meta SET value = '99'`, (redis) => redis.set('portcullis:schema', '99'))
      await rejects(place.open(), { name: 'StoreError', message: /newer Portcullis \(schema 99/ })
      await tamper(place, `UPDATE portcullis.meta SET value = '1'`, (redis) => redis.set('portcullis:schema', '1'))
      await (await place.open()).close()
    })
  })
})

describe('the embedded store', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'portcullis-embedded-'))
  })
  after(() => rm(folder, { recursive: true, force: true }))

  it('says that its directory cannot be used, and which', async () => {
    const config = { store: { kind: 'embedded' }, dataDir: '/dev/null/nowhere' } as const
    await rejects(openStore(config), { name: 'StoreError', message: /\/dev\/null\/nowhere.*DATA_DIR/ })
  })

  it('holds its directory against a second store, until released', () => {
    const file = join(folder, 'lock')
    const first = holdDirectory(file)
    let refused = ''
    try {
      holdDirectory(file)
    } catch (error) {
      refused = String(error)
    }
    match(refused, /another Portcullis/)
    first.release()
    holdDirectory(file).release()
  })

  it('keeps the statements of others out of a transaction', async () => {
    const db = await PGlite.create()
    const pool = createPglitePool(createSession(db))
    await pool.query('CREATE TABLE t (n int)')
    const client = await pool.connect()
    await client.query('BEGIN')
    await client.query('INSERT INTO t VALUES ($1)', [1])
    const other = pool.query('INSERT INTO t VALUES ($1)', [2])
    const second = await pool.connect()
    const theirs = second.query('BEGIN').then(async () => {
      await second.query('INSERT INTO t VALUES ($1)', [3])
      // Let go inside the transaction: nothing of it may remain.
      second.release()
    })
    await client.query('ROLLBACK')
    client.release()
    await Promise.all([other, theirs])
    deepEqual((await pool.query('SELECT n FROM t')).rows, [{ n: 2 }])
    await db.close()
  })
})

describe('PostgreSQL', () => {
  it('says where it looked when nobody answers, and never the password', async () => {
    const store = { kind: 'postgres', url: 'postgres://me:secret-word@127.0.0.1:1/alerts' } as const
    await rejects(openStore({ store, dataDir: '' }), (error: Error) => {
      equal(error.name, 'StoreError')
      match(error.message, /127\.0\.0\.1:1\/alerts.*STORE_URL/)
      ok(!error.message.includes('secret-word'))
      return true
    })
  })
})

describe('Redis', { skip: findProgram('redis-server') ? false : 'NOT TESTED: redis-server is not installed' }, () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'portcullis-redis-'))
  })
  after(() => rm(folder, { recursive: true, force: true }))

  /** Closed at the end of the test, if it has not done so itself. */
  const opened = async (t: TestContext, server: Server) => {
    const store = await openStore({ store: { kind: 'redis', url: server.url }, dataDir: '' })
    t.after(() => store.close())
    return store
  }

  it('says where it looked when nobody answers, and never the password', async () => {
    const store = { kind: 'redis', url: 'redis://me:secret-word@127.0.0.1:1' } as const
    await rejects(openStore({ store, dataDir: '' }), (error: Error) => {
      equal(error.name, 'StoreError')
      match(error.message, /127\.0\.0\.1:1 .*ECONNREFUSED.*STORE_URL/)
      ok(!error.message.includes('secret-word'))
      return true
    })
  })

  it('warns of settings that lose alerts, and is silent when they are right', async (t) => {
    const careless = await startRedis(undefined, ['--appendonly', 'no', '--maxmemory-policy', 'allkeys-lru'])
    const store = await opened(t, careless)
    equal(store.warnings.length, 2)
    match(store.warnings.join('\n'), /set maxmemory-policy noeviction[\s\S]*set appendonly yes/)
    await store.close()
    await careless.stop()

    const careful = await startRedis()
    const other = await opened(t, careful)
    deepEqual(other.warnings, [])
    await other.close()
    await careful.stop()
  })

  it('fails fast while it is away, and is there again with everything when it is back', async (t) => {
    const first = await startRedis(folder)
    const store = await opened(t, first)
    const queue = store.createQueue()
    t.after(() => queue.close(100))
    queue.work(async () => ({ kind: 'done', outcome: 'blocked' }))
    await store.records.commit({ put: [{ collection: 'bans', id: 'kept', doc: 1 }] })
    await first.kill()
    const start = Date.now()
    await rejects(store.records.all('bans'), { name: 'StoreError' })
    await rejects(queue.counts(), { name: 'StoreError' })
    ok(Date.now() - start < 1000, `${Date.now() - start} ms`)

    const port = new URL(first.url).port
    const second = await startRedis(folder, ['--port', port])
    await until(async () => (await store.records.count('bans').catch(() => 0)) === 1)
    await queue.close(100)
    await store.close()
    await second.stop()
  })

  it('lets a process end while it is away', async (t) => {
    const server = await startRedis()
    const store = await opened(t, server)
    const queue = store.createQueue()
    queue.work(async () => ({ kind: 'done', outcome: 'blocked' }))
    await queue.counts()
    await server.stop()
    const start = Date.now()
    await queue.close(100)
    await store.close()
    ok(Date.now() - start < 4000, `${Date.now() - start} ms`)
  })
})
