import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Client } from 'pg'
import { type Cell, startCell } from '../support/fault-store-cell.ts'
import { layWire, type Wire } from '../support/fault-store-wire.ts'
import { atEnd, type Ends } from '../support/service.ts'
import { soak } from '../support/soak.ts'
import { until } from '../support/stores-jobs.ts'
import { findProgram, postgresFolders, type Server, startPostgres } from '../support/stores-servers.ts'

const SLOW_MS = soak ? 2_000 : 300
const EACH = { timeout: 180_000 }
const WITHOUT = findProgram('initdb', postgresFolders()) ? false : 'NOT TESTED: PostgreSQL is not installed'

describe('PostgreSQL', { skip: WITHOUT }, () => {
  let server: Server
  before(async () => {
    server = await startPostgres()
  })
  after(() => server.stop())
  let made = 0

  /** The service on a database of its own, at the other end of a wire. */
  async function postgresCell(t: Ends): Promise<{ cell: Cell; wire: Wire; name: string }> {
    const name = `cell_${++made}`
    await order(server, `CREATE DATABASE ${name}`)
    const url = new URL(server.url)
    url.pathname = `/${name}`
    const wire = await layWire(url.href)
    atEnd(t, () => wire.close())
    return { cell: await startCell(t, { store: { kind: 'postgres', url: wire.url }, dataDir: '' }), wire, name }
  }

  describe('and the wire to it', { concurrency: true }, () => {
    it('refused in mid-work: webhooks are answered 503 at once, and the service goes on by itself', EACH, async (t) => {
      const { cell, wire } = await postgresCell(t)
      await cell.send(10)
      await wire.cut()
      assert.deepEqual(await cell.send(3), [503, 503, 503])
      assert.equal((await cell.ask('/readyz')).status, 503)
      await wire.mend()
      await cell.balances()
      await cell.tick()
    })

    for (const way of ['request', 'answer'] as const) {
      it(
        `reset in the middle of a statement's ${way}, time and again: what was answered 202 is done`,
        EACH,
        async (t) => {
          const { cell, wire } = await postgresCell(t)
          for (let round = 1; round <= 6; round++) {
            wire.breakNext(way)
            await cell.send(4)
            await until(() => wire.broken() === round)
          }
          await cell.balances()
          await cell.tick()
        },
      )
    }

    it('with its sessions ended in mid-work: nothing accepted is lost', EACH, async (t) => {
      const { cell, name } = await postgresCell(t)
      await cell.send(10)
      await endSessions(server, name)
      await cell.send(3)
      await cell.balances()
      await cell.tick()
    })

    it(
      'read-only, as after a failover: webhooks wait with 503, and all is done once it may be written',
      EACH,
      async (t) => {
        const { cell, name } = await postgresCell(t)
        await cell.send(10)
        await order(server, `ALTER DATABASE ${name} SET default_transaction_read_only = on`)
        await endSessions(server, name)
        await until(async () => (await cell.send(1))[0] === 503)
        assert.deepEqual(await cell.send(2), [503, 503])
        // Sessions that begin now may write; those that there are may not, and are given up.
        await order(server, `ALTER DATABASE ${name} RESET default_transaction_read_only`)
        await cell.balances()
        await cell.tick()
      },
    )

    it(
      'that takes no connections of ours: webhooks are answered 503, and all is done once it does',
      EACH,
      async (t) => {
        const { cell, name } = await postgresCell(t)
        await cell.send(10)
        await order(server, `ALTER DATABASE ${name} ALLOW_CONNECTIONS false`)
        await endSessions(server, name)
        await until(async () => (await cell.send(1))[0] === 503)
        assert.deepEqual(await cell.send(2), [503, 503])
        assert.equal((await cell.ask('/readyz')).status, 503)
        await cell.saying(/not currently accepting connections/)
        await order(server, `ALTER DATABASE ${name} ALLOW_CONNECTIONS true`)
        await cell.balances()
        await cell.tick()
      },
    )

    it('hanging: webhooks are answered 503 within seconds, and nothing is lost or counted twice', EACH, async (t) => {
      const { cell, wire } = await postgresCell(t)
      await cell.send(10)
      wire.stall()
      const begun = Date.now()
      assert.deepEqual(await cell.send(3), [503, 503, 503])
      // 5 s for a connection, 10 s for a statement, and as much again for a slow machine.
      assert.ok(Date.now() - begun < 30_000, `it took ${Date.now() - begun} ms`)
      // What was under way arrives now, late: the same alerts are delivered again, and are one job each.
      wire.flow()
      await cell.balances()
      await cell.tick()
    })

    // At 2 s an answer the whole journey takes more than a minute.
    it(
      `slow, ${SLOW_MS} ms an answer: an alert is accepted, blocked and acknowledged all the same`,
      EACH,
      async (t) => {
        const { cell, wire } = await postgresCell(t)
        await cell.send(1)
        wire.slow(SLOW_MS)
        await cell.send(2)
        await cell.balances({ withinMs: 60 * SLOW_MS + 40_000 })
      },
    )

    it('that crashes and recovers in mid-work: nothing is lost, and the service goes on by itself', EACH, async (t) => {
      const own = await startPostgres()
      atEnd(t, () => own.stop())
      const cell = await startCell(t, { store: { kind: 'postgres', url: own.url }, dataDir: '' })
      await cell.send(10)
      const client = new Client({ connectionString: own.url })
      client.on('error', () => {})
      await client.connect()
      const { rows } = await client.query('SELECT pg_backend_pid() AS pid')
      // Whatever kills one of its processes makes PostgreSQL end all of them and replay its log.
      process.kill(Number(rows[0].pid), 'SIGKILL')
      await cell.send(3)
      await cell.balances()
      await cell.tick()
    })
  })
})

async function endSessions(server: Server, database: string): Promise<void> {
  await order(server, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}'`)
}

async function order(server: Server, text: string): Promise<void> {
  const client = new Client({ connectionString: server.url })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}
