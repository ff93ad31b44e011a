import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { startApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { secretsOf } from '../../src/config-secrets.ts'
import { createEvents } from '../../src/events.ts'
import { createLog } from '../../src/log.ts'
import { createMetrics } from '../../src/metrics.ts'
import type { Rule } from '../../src/ports.ts'
import { startWorld, type World } from '../../src/simulator/world.ts'
import { atEnd, type Ends, environment, FAST, OPS_TOKEN, postTo } from './service.ts'
import { allAcknowledged, assertHeldBefore, missingFrom } from './service-burst.ts'
import { addressOf, OUR_RULE } from './service-stage.ts'
import type { StoreConfig } from './stores.ts'
import { until } from './stores-jobs.ts'

/** A world and a service in it whose store fails, with an account of every webhook. */
export interface Cell {
  readonly world: World
  /** Delivers so many new alerts, one webhook each, all at once; answers the statuses. Anything but 202 and 503 is a failure. */
  send(count: number): Promise<number[]>
  /** Delivers everything again, whatever was answered before: as an operator does after a loss. */
  redeliver(): Promise<void>
  /**
   * Delivers again what was not accepted, and then holds the account to its balance: every webhook was answered 202 or 503, every
   * alert is blocked, acknowledged, and was not acknowledged before; no job waits or failed; rules of others are as they were.
   */
  balances(options?: { readonly withinMs?: number; readonly jobsLost?: boolean }): Promise<void>
  /** The texts of what was logged, oldest first. */
  said(): string[]
  saying(words: RegExp, withinMs?: number): Promise<void>
  /** As a client of the ops port. */
  ask(path: string): Promise<{ status: number; body: Record<string, unknown> }>
  /** Does at once what happens every minute; fails when that does not come to its end. */
  tick(withinMs?: number): Promise<void>
  /** Stops the service and starts it on the same store. */
  restart(): Promise<void>
}

interface Delivery {
  readonly address: string
  accepted: boolean
}

// A job whose store broke under it is taken up again after up to 25 s.
const BALANCED_WITHIN_MS = 60_000

export async function startCell(t: Ends, store: StoreConfig, env: Record<string, string> = {}): Promise<Cell> {
  const world = await startWorld()
  atEnd(t, () => world.close())
  const config = { ...readConfig(environment(world, env)), ...store }
  const lines: string[] = []
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString())
      if (process.env.PORTCULLIS_TEST_LOG !== undefined) process.stderr.write(`${chunk}`)
      done()
    },
  })
  const log = createLog({ level: 'debug', format: 'ecs', secrets: secretsOf(config), colour: false, stream })
  const start = () => {
    const metrics = createMetrics({ processMetrics: false })
    return startApp({ config, events: createEvents({ log, metrics }), metrics, rate: FAST })
  }
  let app = await start()
  atEnd(t, () => app.stop())
  const foreign = foreignRules(world)
  const deliveries = new Map<string, Delivery>()

  async function deliver(id: string): Promise<number> {
    const { status, headers } = await postTo(String(app.webhookUrl), world.webhook([id]))
    assert.ok(status === 202 || status === 503, `A webhook was answered ${status}`)
    if (status === 503) assert.match(String(headers.get('retry-after')), /^\d+$/)
    if (status === 202) (deliveries.get(id) as Delivery).accepted = true
    return status
  }
  const said = () => lines.map((line) => String(JSON.parse(line).message))
  const ask: Cell['ask'] = async (path) => {
    const answer = await fetch(`${app.opsUrl}${path}`, { headers: { authorization: `Bearer ${OPS_TOKEN}` } })
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
  }

  async function untilAccepted(id: string, withinMs: number): Promise<void> {
    const delivery = deliveries.get(id) as Delivery
    await until(async () => delivery.accepted || (await deliver(id)) === 202, withinMs)
  }

  return {
    world,
    said,
    ask,
    async send(count) {
      const ids = Array.from({ length: count }, () => {
        const address = addressOf(deliveries.size)
        const id = world.alerts.add({ sourceIp: address })
        deliveries.set(id, { address, accepted: false })
        return id
      })
      return Promise.all(ids.map(deliver))
    },
    async redeliver() {
      const ids = [...deliveries.keys()]
      await Promise.all(ids.map(deliver))
    },
    async balances({ withinMs = BALANCED_WITHIN_MS, jobsLost = false } = {}) {
      const ids = [...deliveries.keys()]
      const addresses = [...deliveries.values()].map(({ address }) => address)
      await Promise.all(ids.map((id) => untilAccepted(id, withinMs)))
      await allAcknowledged(world, ids, withinMs).catch((error) => {
        throw new Error(`${error.message}; the last that was logged:\n${said().slice(-12).join('\n')}`)
      })
      assert.deepEqual(missingFrom(world, addresses), [])
      assertHeldBefore(world, ids, addresses)
      assert.deepEqual(foreignRules(world), foreign)
      let queue: Record<string, number> = {}
      await until(async () => {
        queue = ((await ask('/api/status')).body.queue ?? {}) as Record<string, number>
        return queue.waiting === 0 && queue.active === 0 && queue.delayed === 0
      }, withinMs).catch(() => assert.fail(`Jobs are left: ${JSON.stringify(queue)}`))
      assert.equal(queue.failed, 0)
      if (!jobsLost) assert.equal(queue.completed, ids.length)
      for (const secret of secretsOf(config))
        assert.ok(!lines.some((line) => line.includes(secret)), 'a secret is logged')
    },
    async saying(words, withinMs = 30_000) {
      await until(() => said().some((line) => words.test(line)), withinMs).catch(() =>
        assert.fail(`Nothing logged says ${words}:\n${said().slice(-30).join('\n')}`),
      )
    },
    async tick(withinMs = 40_000) {
      let over = false
      void app.tick().then(() => {
        over = true
      })
      await until(() => over, withinMs)
    },
    async restart() {
      await app.stop()
      app = await start()
    },
  }
}

/** The rules of others, to the letter, without what Cloudflare itself counts. */
function foreignRules(world: World): Rule[] {
  const others = world.zone.rules().filter(({ description }) => description !== OUR_RULE)
  return others.map(({ version: _version, last_updated: _at, ...rule }) => rule as Rule)
}
