import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { Writable } from 'node:stream'
import { type App, startApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { secretsOf } from '../../src/config-secrets.ts'
import { createEvents } from '../../src/events.ts'
import { createLog } from '../../src/log.ts'
import { createMetrics } from '../../src/metrics.ts'
import { startWorld, type World, type WorldOptions } from '../../src/simulator/world.ts'
import { atEnd, type Ends, environment, FAST, OPS_TOKEN, postTo, type Seams, WEBHOOK_SECRET } from './service.ts'
import { addressOf, listedIn, OUR_RULE } from './service-stage.ts'
import { emptyDataDir, type StoreConfig } from './stores.ts'
import { until } from './stores-jobs.ts'
import { findProgram, type Server, startRedis } from './stores-servers.ts'

/** Values that must turn up nowhere, also where the other side repeats them. */
export const SECRETS = {
  cloudflare: 'canary-cloudflare-7c1e0f52',
  elastic: 'canary-elastic-2b9d4a60',
  kibana: 'kibana-key',
  webhook: WEBHOOK_SECRET,
  ops: OPS_TOKEN,
} as const

/** One world with one service in it, for one story of trouble; nothing of it is shared with another. */
export interface Cell {
  readonly world: World
  readonly app: App
  /** The secrets that it was started with. */
  readonly secrets: readonly string[]
  /** Puts alerts about these addresses into the world and has each delivered and accepted; answers their ids. */
  send(addresses: readonly string[]): Promise<string[]>
  /** Accepted so far. */
  readonly accepted: readonly string[]
  /** Acknowledgements that came while the address was not held. */
  readonly tooEarly: readonly string[]
  /** Addresses of accepted alerts that are not held now. */
  missing(): string[]
  /** Everything that was logged, one JSON object a line, without any redaction of secrets by their value. */
  log(): string
  /** Alerts by what the queue, the outcomes and Elastic say of them. */
  count(): Promise<Count>
  /** `/readyz`'s parts with their reasons. */
  degraded(): Promise<{ part: string; reason: string }[]>
  /** How many calls of Cloudflare the metric counts. */
  called(method: string, status: string | number): Promise<number>
  /** An operator's question or order; answers the text. */
  order(method: string, path: string, body?: unknown): Promise<string>
}

export interface Count {
  readonly accepted: number
  /** Jobs that wait, are delayed, or run. */
  readonly waiting: number
  readonly completed: number
  readonly failed: number
  /** Outcomes `blocked`. */
  readonly blocked: number
  readonly acknowledged: number
}

export interface CellOptions {
  readonly env?: Record<string, string>
  readonly world?: WorldOptions
  readonly seams?: Seams
  /** Who marks alerts; `both`: Kibana writes, Elasticsearch reads; absent: Elasticsearch. */
  readonly siem?: 'Elasticsearch' | 'Kibana' | 'both'
  /** Strikes before the service starts. */
  readonly prepare?: (world: World) => void | Promise<void>
  /** Whether an address is kept out; absent: our rule lists it and is in force. */
  readonly isHeld?: (world: World, address: string) => boolean
}

/** Places for the stores of many cells: a database each in one Redis, or a folder each where there is no Redis. */
export interface Places {
  next(t: Ends): StoreConfig
  close(): Promise<void>
}

export async function openPlaces(): Promise<Places> {
  const redis: Server | null = findProgram('redis-server')
    ? await startRedis(undefined, ['--databases', String(MOST)])
    : null
  let used = 0
  return {
    next(t) {
      used += 1
      assert.ok(used < MOST, 'more cells than databases')
      if (redis) return { store: { kind: 'redis', url: `${redis.url}/${used}` }, dataDir: '' }
      const dataDir = emptyDataDir()
      atEnd(t, () => rm(dataDir, { recursive: true, force: true }))
      return { store: { kind: 'embedded' }, dataDir }
    },
    close: async () => redis?.stop(),
  }
}

const MOST = 256

export async function startCell(t: Ends, place: StoreConfig, options: CellOptions = {}): Promise<Cell> {
  const world = await startWorld({
    ...options.world,
    cloudflare: { tokens: { [SECRETS.cloudflare]: EVERYTHING }, ...options.world?.cloudflare },
    elasticsearch: { apiKeys: { [SECRETS.elastic]: ['read', 'write', 'maintenance'] } },
  })
  atEnd(t, () => world.close())
  await options.prepare?.(world)
  const kibana = { KIBANA_URL: world.kibana.url, KIBANA_API_KEY: SECRETS.kibana }
  const siem = {
    Elasticsearch: {},
    Kibana: { ...kibana, ELASTICSEARCH_URL: '', ELASTICSEARCH_API_KEY: '' },
    both: kibana,
  }[options.siem ?? 'Elasticsearch']
  const config = { ...readConfig(environment(world, { ...siem, ...options.env })), ...place }
  let said = ''
  const stream = new Writable({
    write(chunk, _encoding, done) {
      said += String(chunk)
      done()
    },
  })
  const log = createLog({ level: 'debug', format: 'ecs', secrets: [], colour: false, stream })
  const metrics = createMetrics({ processMetrics: false })
  const app = await startApp({ config, events: createEvents({ log, metrics }), metrics, rate: FAST, ...options.seams })
  atEnd(t, () => app.stop())
  const accepted: string[] = []
  const addresses = new Map<string, string>()
  const tooEarly: string[] = []
  const isHeld = options.isHeld ?? listedInForce
  world.alerts.onChange(({ id, to }) => {
    const address = addresses.get(id) ?? ''
    if (to !== 'open' && !isHeld(world, address)) tooEarly.push(address)
  })
  const cell: Cell = {
    world,
    app,
    secrets: secretsOf(config),
    accepted,
    tooEarly,
    missing: () => [...new Set(addresses.values())].filter((address) => !isHeld(world, address)),
    log: () => said,
    async send(some) {
      const ids: string[] = []
      for (const sourceIp of some) {
        const id = world.alerts.add({ sourceIp })
        addresses.set(id, sourceIp)
        const { status, body } = await postTo(String(app.webhookUrl), world.webhook([id]))
        assert.deepEqual([status, body.accepted], [202, 1], JSON.stringify(body))
        ids.push(id)
        accepted.push(id)
      }
      return ids
    },
    async count() {
      const text = await metrics.text()
      const jobs = (state: string) => seriesIn(text, `portcullis_queue_jobs{state="${state}"}`)
      return {
        accepted: accepted.length,
        waiting: jobs('waiting') + jobs('delayed') + jobs('active'),
        completed: jobs('completed'),
        failed: jobs('failed'),
        blocked: seriesIn(text, 'portcullis_alerts_total{outcome="blocked"}'),
        acknowledged: accepted.filter((id) => world.alerts.status(id) === 'acknowledged').length,
      }
    },
    async degraded() {
      return (JSON.parse(await cell.order('GET', '/readyz')) as { degraded: { part: string; reason: string }[] })
        .degraded
    },
    async called(method, status) {
      return seriesIn(
        await metrics.text(),
        `portcullis_cloudflare_requests_total{method="${method}",status="${status}"}`,
      )
    },
    async order(method, path, body) {
      const answer = await fetch(`${app.opsUrl}${path}`, {
        method,
        headers: { authorization: `Bearer ${OPS_TOKEN}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const text = await answer.text()
      assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`)
      return text
    },
  }
  return cell
}

const EVERYTHING = ['waf-read', 'waf-write', 'zone-read', 'lists-read', 'lists-write'] as const

/** `name{labels}` and its value in the text format of Prometheus; 0 where it is not there yet. */
function seriesIn(text: string, series: string): number {
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${series} `))
      ?.slice(series.length + 1) ?? 0,
  )
}

function listedInForce({ zone }: World, address: string): boolean {
  const own = zone.rules().filter((rule) => rule.description === OUR_RULE && rule.enabled !== false)
  return listedIn(own).includes(address)
}

/** Addresses for a cell: `from` keeps those of before and those of during apart. */
export function some(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, n) => addressOf(from + n))
}

/** Sooner than a job runs again that nobody woke. */
export async function acknowledged(cell: Cell, ids: readonly string[], withinMs = 45_000): Promise<void> {
  const { alerts } = cell.world
  const isDone = (id: string) => alerts.status(id) === 'acknowledged' && alerts.tags(id).includes('portcullis:blocked')
  await until(() => ids.every(isDone), withinMs).catch(() => {
    const open = ids.filter((id) => !isDone(id)).map((id) => `${id} is ${alerts.status(id)} [${alerts.tags(id)}]`)
    assert.fail(`after ${withinMs} ms: ${open.join('; ')}\n${tail(cell)}`)
  })
}

/** The last lines of the log, for a failure. */
export function tail(cell: Cell): string {
  return cell
    .log()
    .split('\n')
    .slice(-25)
    .map((line) => /"message":"[^"]*"/.exec(line)?.[0] ?? line)
    .join('\n')
}
