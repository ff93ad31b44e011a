import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Redis } from 'ioredis'
import { checkStore } from '../../src/adapters/check-store.ts'
import { openStore } from '../../src/adapters/store.ts'
import { startCell } from '../support/fault-store-cell.ts'
import { type OwnRedis, ownRedis, redisAt, redisCell, WITHOUT_REDIS } from '../support/fault-store-redis.ts'
import { layWire } from '../support/fault-store-wire.ts'
import { atEnd, type Ends } from '../support/service.ts'
import type { StoreConfig } from '../support/stores.ts'

const EACH = { timeout: 120_000 }
const SECRET = 'a-word-that-nobody-reads'

describe('a start on Redis', { skip: WITHOUT_REDIS, concurrency: 8 }, () => {
  it('where nobody listens ends at once, with the place, the reason and the setting', EACH, async () => {
    // Whoever tries again ends after 5 s, whoever waits after 10.
    await refused(redisAt(`redis://me:${SECRET}@127.0.0.1:1`), /127\.0\.0\.1:1 .*ECONNREFUSED.*STORE_URL/, 4_500)
  })

  it('where nobody answers ends within 12 s, with the place and the setting', EACH, async (t) => {
    const wire = await layWire((await ownRedis(t)).url)
    atEnd(t, () => wire.close())
    wire.stall()
    // 10 s, and some for a slow machine: two waits, one after the other, would be 20.
    await refused(redisAt(wire.url), /^Redis at 127\.0\.0\.1:\d+ .*STORE_URL/, 18_000)
  })

  it('without the password that Redis wants, or with a wrong one, says which of the two it is', EACH, async (t) => {
    const { url } = await ownRedis(t, ['--requirepass', 'another-word'])
    await refused(redisAt(url), /wants a password.*STORE_URL/)
    await refused(redisAt(as(url, 'default')), /refuses the user or the password.*STORE_URL/)
  })

  for (const command of ['eval', 'evalsha', 'bzpopmin', 'info', 'hset', 'xadd', 'multi']) {
    it(`as a user who may not run ${command} is refused by its name, before an alert is taken`, EACH, async (t) => {
      const redis = await ownRedis(t)
      await user(redis, '~*', '+@all', `-${command}`)
      await refused(
        redisAt(as(redis.url, 'limited')),
        new RegExp(`not let this user run ${command}\\b.*ACL SETUSER`, 'i'),
      )
    })
  }

  it('as a user of other keys is refused with the names of ours', EACH, async (t) => {
    const redis = await ownRedis(t)
    await user(redis, '~other:*', '+@all')
    await refused(redisAt(as(redis.url, 'limited')), /the keys portcullis:\*/)
  })

  it('as the user that these refusals advise works, and leaves nothing behind of what it tried', EACH, async (t) => {
    const redis = await ownRedis(t)
    await user(redis, '~portcullis:*', '+@all', '-@dangerous', '+info')
    const cell = await startCell(t, redisAt(as(redis.url, 'limited')))
    await cell.send(3)
    await cell.balances()
    assert.equal(await redis.admin.exists('portcullis:probe'), 0)
  })

  it('that may drop keys when its memory is full is told so, by the start and by check', EACH, async (t) => {
    const { cell, redis } = await redisCell(t, { extra: ['--maxmemory-policy', 'allkeys-lru'] })
    const advice = /throw away alerts and bans .*allkeys-lru.*set maxmemory-policy noeviction/
    await cell.saying(advice)
    const findings: string[] = []
    for await (const { level, message } of checkStore(redisAt(redis.url), () => Promise.reject(new Error('none runs'))))
      findings.push(`${level} ${message}`)
    assert.ok(
      findings.some((finding) => finding.startsWith('warn') && advice.test(finding)),
      findings.join('\n'),
    )
  })

  it('that is still loading its data waits until it is there', EACH, async (t) => {
    const redis = await slowlyLoading(t)
    const started = redis.start(...LOADING)
    await untilLoading(redis)
    const cell = await startCell(t, redisAt(redis.url))
    await started
    await cell.send(1)
    await cell.balances()
  })

  it('that a newer Portcullis wrote is refused, and stays as it is', EACH, async (t) => {
    const redis = await ownRedis(t)
    await redis.admin.mset('portcullis:schema', '99', 'portcullis:records:rev', '7')
    const before = await contents(redis)
    await refused(redisAt(redis.url), /newer Portcullis \(schema 99/)
    assert.deepEqual(await contents(redis), before)
  })

  it(
    'and then a Redis that is LOADING again in mid-work: webhooks are answered 503, and all is done once it is loaded',
    EACH,
    async (t) => {
      const { cell, redis } = await redisCell(t)
      await fill(redis, 12_000)
      await cell.send(5)
      await redis.kill()
      const started = redis.start(...LOADING)
      await untilLoading(redis)
      assert.deepEqual(await cell.send(2), [503, 503])
      await hurry(redis)
      await started
      await cell.balances()
      await cell.tick()
    },
  )
})

/** Half a millisecond for each key, and a look at what clients want after every thousandth. */
const LOADING = ['--key-load-delay', '500']

async function slowlyLoading(t: Ends): Promise<OwnRedis> {
  const redis = await ownRedis(t)
  await fill(redis, 6_000)
  await redis.kill()
  return redis
}

async function fill({ admin }: OwnRedis, keys: number): Promise<void> {
  const pipeline = admin.pipeline()
  for (let n = 0; n < keys; n++) pipeline.set(`portcullis:filling:${n}`, '1')
  await pipeline.exec()
}

async function untilLoading(redis: OwnRedis): Promise<void> {
  await whileLoading(redis, async (asker) => {
    for (;;) {
      const answer = await asker.get('portcullis:schema').catch((error: Error) => error.message)
      if (/^LOADING/.test(String(answer))) return
      assert.ok(!/^\d+$/.test(String(answer)), 'it was loaded before anybody could look')
    }
  })
}

/** Loads the rest without a delay. */
async function hurry(redis: OwnRedis): Promise<void> {
  await whileLoading(redis, async (asker) => void (await asker.config('SET', 'key-load-delay', '0')))
}

/** With a client of its own, for the admin's waits until all is loaded. */
async function whileLoading(redis: OwnRedis, work: (asker: Redis) => Promise<void>): Promise<void> {
  const asker = new Redis(redis.url, { enableReadyCheck: false, maxRetriesPerRequest: null, retryStrategy: () => 20 })
  asker.on('error', () => {})
  try {
    await work(asker)
  } finally {
    asker.disconnect()
  }
}

/** The start fails with these words, within the time, and never names the password. */
async function refused(store: StoreConfig, words: RegExp, withinMs = 10_000): Promise<void> {
  const begun = Date.now()
  await assert.rejects(openStore(store), (error: Error) => {
    assert.equal(error.name, 'StoreError')
    assert.match(error.message, words)
    assert.ok(!error.message.includes(SECRET))
    return true
  })
  assert.ok(Date.now() - begun < withinMs, `it took ${Date.now() - begun} ms`)
}

async function user({ admin }: OwnRedis, ...rules: readonly string[]): Promise<void> {
  await admin.call('ACL', 'SETUSER', 'limited', 'on', `>${SECRET}`, 'resetkeys', ...rules)
}

function as(url: string, name: string): string {
  return url.replace('//', `//${name}:${SECRET}@`)
}

async function contents({ admin }: OwnRedis): Promise<Record<string, Buffer | null>> {
  const keys = (await admin.keys('*')).sort()
  return Object.fromEntries(await Promise.all(keys.map(async (key) => [key, await admin.dumpBuffer(key)] as const)))
}
