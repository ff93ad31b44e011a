import { rm } from 'node:fs/promises'
import { type App, type AppDeps, startApp } from '../../src/app.ts'
import { type Config, readConfig } from '../../src/config.ts'
import { createEvents } from '../../src/events.ts'
import { createLog, silentLog } from '../../src/log.ts'
import { createMetrics, type Metrics } from '../../src/metrics.ts'
import { startWorld, type World, type WorldOptions } from '../../src/simulator/world.ts'
import { emptyDataDir } from './stores.ts'

export const WEBHOOK_SECRET = 'a-webhook-secret-for-tests'
export const OPS_TOKEN = 'an-operators-token-for-tests'

export interface Service {
  readonly app: App
  readonly metrics: Metrics
  /** Posts a body as Kibana's connector does. */
  post(body: string, headers?: Record<string, string>): Promise<Answer>
  /** An operator's order; throws when it is refused. */
  order(method: string, path: string, body?: unknown): Promise<Record<string, unknown>>
  stop(): Promise<void>
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Record<string, unknown>
}

export type Seams = Pick<AppDeps, 'clock' | 'rate' | 'wrapStore'>

/** A Cloudflare that nobody has to be gentle with. */
export const FAST = { burst: 1000, perSecond: 1000 }

/** The real service in this process, pointed at a simulated world. `PORTCULLIS_TEST_LOG=1` shows what it logs. */
export async function startService(
  world: World,
  store: Pick<Config, 'store' | 'dataDir'>,
  env: Record<string, string> = {},
  seams: Seams = {},
): Promise<Service> {
  const config = { ...readConfig(environment(world, env)), ...store }
  const log =
    process.env.PORTCULLIS_TEST_LOG === undefined
      ? silentLog
      : createLog({ level: 'debug', format: 'pretty', secrets: [], colour: false, stream: process.stderr })
  const metrics = createMetrics({ processMetrics: false })
  const app = await startApp({ config, events: createEvents({ log, metrics }), metrics, ...seams })
  return {
    app,
    metrics,
    post: (body, headers) => postTo(String(app.webhookUrl), body, headers),
    order: (method, path, body) => orderAt(String(app.opsUrl), method, path, body),
    stop: () => app.stop(),
  }
}

/** Posts as Kibana's connector does, with the secret of these tests unless the headers say otherwise. */
export async function postTo(url: string, body: string, headers: Record<string, string> = {}): Promise<Answer> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${WEBHOOK_SECRET}`, 'content-type': 'application/json', ...headers },
    body,
  })
  return {
    status: answer.status,
    headers: answer.headers,
    body: (await answer.json()) as Record<string, unknown>,
  }
}

/** An operator's order to the service at that URL; throws when it is refused. */
export async function orderAt(
  opsUrl: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<Record<string, unknown>> {
  const answer = await fetch(`${opsUrl}${path}`, {
    method,
    headers: { authorization: `Bearer ${OPS_TOKEN}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
  return (await answer.json()) as Record<string, unknown>
}

/** A test, as far as it can be told what to do at its end. */
export interface Ends {
  after(close: () => Promise<void>): void
}

const closers = new WeakMap<Ends, (() => unknown)[]>()

/** At the end of the test: what was opened last is closed first, and each also where another one cannot be. */
export function atEnd(t: Ends, close: () => unknown): void {
  const known = closers.get(t)
  if (known) return void known.push(close)
  const all = [close]
  closers.set(t, all)
  t.after(async () => {
    const failures: unknown[] = []
    for (const each of all.reverse()) {
      try {
        await each()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  })
}

/** A world and the service in it, both closed when the test ends. */
export async function startAll(
  t: Ends,
  place: { config(): Pick<Config, 'store' | 'dataDir'> },
  options: { readonly env?: Record<string, string>; readonly world?: WorldOptions; readonly seams?: Seams } = {},
): Promise<{ world: World; service: Service }> {
  const world = await startWorld(options.world)
  atEnd(t, () => world.close())
  const service = await startService(world, place.config(), options.env, options.seams)
  atEnd(t, () => service.stop())
  return { world, service }
}

/** A folder for an embedded store, for one test. */
export function freshPlace(t: Ends) {
  const dataDir = emptyDataDir()
  atEnd(t, () => rm(dataDir, { recursive: true, force: true }))
  return { config: () => ({ store: { kind: 'embedded' } as const, dataDir }) }
}

/** All that a test's service is told, as a process would be. */
export function environment(world: World, env: Record<string, string> = {}): Record<string, string> {
  return {
    ...world.environment(),
    KIBANA_URL: '',
    KIBANA_API_KEY: '',
    HOST: '127.0.0.1',
    PORT: '0',
    OPS_PORT: '0',
    WEBHOOK_SECRET,
    OPS_TOKEN,
    MODE: 'enforce',
    MAX_BANS_PER_HOUR: '100000',
    ...env,
  }
}
