import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openStore } from '../../src/adapters/store.ts'
import { ownRedis, redisAt, redisCell, WITHOUT_REDIS } from '../support/fault-store-redis.ts'
import { atEnd } from '../support/service.ts'
import { until } from '../support/stores-jobs.ts'

const EACH = { timeout: 150_000 }
const RULES = { CATCH_UP_EVERY: '1s', CATCH_UP_RULES: 'Potential Web Server Scanning' }

describe('Redis itself', { skip: WITHOUT_REDIS, concurrency: true }, () => {
  it('killed and started again, with AOF: nothing is lost, and the service goes on by itself', EACH, async (t) => {
    const { cell, redis } = await redisCell(t)
    await cell.send(20)
    await redis.kill()
    assert.deepEqual(await cell.send(2), [503, 503])
    await redis.start()
    await cell.balances()
    await cell.tick()
  })

  it(
    'demoted to a replica and promoted again: webhooks wait with 503, and nothing accepted is lost',
    EACH,
    async (t) => {
      const other = await ownRedis(t)
      const { cell, redis } = await redisCell(t)
      await cell.send(10)
      await redis.admin.replicaof('127.0.0.1', other.port)
      assert.deepEqual(await cell.send(3), [503, 503, 503])
      // Each refusal makes the connection anew, and a webhook that comes while there is none says nothing about the store.
      await until(async () => {
        assert.deepEqual(await cell.send(1), [503])
        return (await cell.ask('/readyz')).status === 503
      })
      await cell.tick()
      await redis.admin.replicaof('NO', 'ONE')
      await cell.balances()
      await cell.tick()
    },
  )

  it('failed over to its replica: connections to the old master, READONLY now, are given up', EACH, async (t) => {
    const replica = await ownRedis(t)
    const { cell, redis, wire } = await redisCell(t, { extra: ['--repl-diskless-sync-delay', '0'] })
    await replica.admin.replicaof('127.0.0.1', redis.port)
    const said = async ({ admin }: typeof redis, name: string) =>
      new RegExp(`^${name}:(\\w+)`, 'm').exec(await admin.info('replication'))?.[1]
    await until(async () => (await said(replica, 'master_link_status')) === 'up')
    await cell.send(10)
    const written = Number(await said(redis, 'master_repl_offset'))
    await until(async () => Number(await said(replica, 'slave_repl_offset')) >= written)
    await replica.admin.replicaof('NO', 'ONE')
    await redis.admin.replicaof('127.0.0.1', replica.port)
    wire.move(replica.port)
    await cell.send(3)
    await cell.balances()
    await cell.tick()
  })

  it('that knows our user no longer: webhooks are answered 503, and all is done once it does', EACH, async (t) => {
    const { cell, redis } = await redisCell(t)
    await cell.send(10)
    await redis.admin.call('ACL', 'SETUSER', 'default', 'resetpass', '>another-word')
    await redis.admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    await until(async () => (await cell.send(1))[0] === 503)
    assert.deepEqual(await cell.send(2), [503, 503])
    assert.equal((await cell.ask('/readyz')).status, 503)
    await cell.saying(/NOAUTH/)
    await redis.admin.call('ACL', 'SETUSER', 'default', 'nopass')
    await cell.balances()
    await cell.tick()
  })

  it('out of memory: webhooks are answered 503, and all is done once there is memory', EACH, async (t) => {
    const { cell, redis } = await redisCell(t)
    await cell.send(10)
    await redis.admin.config('SET', 'maxmemory', '1mb')
    assert.deepEqual(await cell.send(3), [503, 503, 503])
    assert.equal((await cell.ask('/readyz')).status, 503)
    await cell.tick()
    await redis.admin.config('SET', 'maxmemory', '0')
    await cell.balances()
    await cell.tick()
  })

  it(
    'flushed in mid-work: catch-up finds the alerts that were lost, and the bans are taken over aloud',
    EACH,
    async (t) => {
      const { cell, redis } = await redisCell(t, { env: RULES })
      await cell.send(10)
      await until(() => cell.world.alerts.changes.length >= 1)
      const gate = cell.world.cloudflare.faults.hold({ method: 'PUT' })
      const sent = cell.send(10)
      await gate.arrived
      await redis.admin.flushall()
      gate.open()
      assert.deepEqual(new Set(await sent), new Set([202]))
      await cell.tick()
      await cell.saying(/^adopted .*198\.51\.101\./)
      await cell.balances({ jobsLost: true })
      await cell.tick()
    },
  )

  it(
    'flushed in mid-work, without a catch-up: what is delivered again is blocked and acknowledged',
    EACH,
    async (t) => {
      const { cell, redis } = await redisCell(t, { env: { CATCH_UP_EVERY: 'off' } })
      const gate = cell.world.cloudflare.faults.hold({ method: 'PUT' })
      const sent = cell.send(10)
      await gate.arrived
      await redis.admin.flushall()
      gate.open()
      await sent
      await cell.tick()
      await cell.redeliver()
      await cell.balances({ jobsLost: true })
      await cell.restart()
      await cell.balances({ jobsLost: true })
    },
  )

  it('flushed: what was read before is no ground to write on, however the numbers begin again', EACH, async (t) => {
    const redis = await ownRedis(t)
    const store = await openStore(redisAt(redis.url))
    atEnd(t, () => store.close())
    const { records } = store
    const put = [{ collection: 'bans', id: '192.0.2.7', doc: 1 }] as const
    await records.commit({ put })
    const { rev = 0 } = (await records.get('bans', ['192.0.2.7'])).get('192.0.2.7') ?? {}
    await redis.admin.flushall()
    await records.commit({ put })
    assert.equal(await records.commit({ expect: [{ collection: 'bans', id: '192.0.2.7', rev }], put }), false)
  })
})
