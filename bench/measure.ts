import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'undici'
import { type Child, startChild } from './child.ts'
import { type Contender, startBare, startFloor, startService } from './contenders.ts'
import type { Place } from './places.ts'
import type { WorldCalls } from './world.ts'

/** Webhooks under way at a time. */
export const CONCURRENCY = 20
// Known deliveries that are repeated to warm up what every run is to measure warm: nobody starts the service for one burst.
const WARM_UP = { alerts: 50, deliveries: 300 }
const WITHIN_MS = 60_000

export interface Burst {
  /** From the first webhook to the last acknowledgement. */
  readonly ms: number
  /** From the first webhook to the last 202. */
  readonly acceptMs: number
  readonly puts: number
  readonly reads: number
  /** Calls of Elasticsearch. */
  readonly updates: number
  /** Resident, before anything arrived and at most during the burst, in MB. */
  readonly restMb: number | null
  readonly peakMb: number | null
}

export interface Load {
  readonly alerts: number
  /** What every call of Cloudflare and of Elasticsearch takes. */
  readonly latencyMs: number
}

type World = Child<WorldCalls>

/** Alerts of distinct addresses, one webhook each. `place` null: the floor. */
export async function burst(place: Place | null, { alerts, latencyMs }: Load): Promise<Burst> {
  const world = await startChild<WorldCalls>('./world.ts', [latencyMs])
  const environment = await world.call('environment')
  const contender = place ? await startService(environment, await place.fresh()) : await startFloor(environment)
  try {
    await sleep(500)
    const restMb = contender.memory.resident()
    await warmUp(world, contender)
    const { each } = await world.call('add', { count: alerts, first: 10_000, distinct: alerts })
    await world.call('mark')
    contender.memory.forgetPeak()
    const begin = now()
    await postAll(contender, each)
    const accepted = now()
    const { at, ...calls } = await world.call('acknowledged', { count: alerts, withinMs: WITHIN_MS })
    const last = Math.max(...at)
    if (at.length < alerts) throw new Error(`${contender.name}: ${at.length} of ${alerts} alerts were acknowledged`)
    // The world changes an alert half-way through its call.
    const ms = last - begin + latencyMs / 2
    return { ...calls, ms, acceptMs: accepted - begin, restMb, peakMb: contender.memory.peak() }
  } finally {
    await contender.stop()
    await world.stop()
  }
}

/**
 * Webhooks accepted per second, each with one alert from a hundred sources, so that the rule has room for all and nothing is
 * parked. `bare`: Express and BullMQ without a worker; else the service, which responds to the alerts meanwhile.
 */
export async function acceptRate(place: Place, who: 'portcullis' | 'bare', webhooks: number): Promise<number> {
  const world = await startChild<WorldCalls>('./world.ts', [20])
  const environment = await world.call('environment')
  const store = await place.fresh()
  const contender = who === 'bare' ? await startBare(store) : await startService(environment, store)
  try {
    await sleep(500)
    const { each } = await world.call('add', { count: webhooks + 300, first: 0, distinct: 100 })
    await postAll(contender, each.slice(0, 300))
    await sleep(500)
    const begin = now()
    await postAll(contender, each.slice(300))
    return webhooks / ((now() - begin) / 1000)
  } finally {
    await contender.stop()
    await world.stop()
  }
}

/** Alerts one at a time, from webhook to acknowledgement, in ms; `place` null: the floor. */
export async function singles(place: Place | null, { alerts, latencyMs }: Load): Promise<number[]> {
  const world = await startChild<WorldCalls>('./world.ts', [latencyMs])
  const environment = await world.call('environment')
  const contender = place ? await startService(environment, await place.fresh()) : await startFloor(environment)
  try {
    await sleep(500)
    await warmUp(world, contender)
    const { each } = await world.call('add', { count: alerts, first: 10_000, distinct: alerts })
    const took: number[] = []
    for (const body of each) {
      // Nothing of the one before is still under way.
      await sleep(300)
      await world.call('mark')
      const begin = now()
      await postAll(contender, [body])
      const { at } = await world.call('acknowledged', { count: 1, withinMs: WITHIN_MS })
      if (at.length === 0) throw new Error(`${contender.name}: an alert was not acknowledged`)
      took.push(Math.max(...at) - begin + latencyMs / 2)
    }
    return took
  } finally {
    await contender.stop()
    await world.stop()
  }
}

/** The three calls of one alert in a row, in ms. */
export async function bareCalls({ alerts, latencyMs }: Load): Promise<number[]> {
  const world = await startChild<WorldCalls>('./world.ts', [latencyMs])
  const env = await world.call('environment')
  const url = new URL(`${env.CLOUDFLARE_API_URL}/zones/${env.CLOUDFLARE_ZONE_ID?.split('=').at(-1)}/`)
  const edge = new Pool(url.origin)
  const siem = new Pool(String(env.ELASTICSEARCH_URL))
  const entryPoint = `${url.pathname}rulesets/phases/http_request_firewall_custom/entrypoint`
  const cloudflare = { authorization: `Bearer ${env.CLOUDFLARE_API_TOKEN}`, 'content-type': 'application/json' }
  const elastic = { authorization: `ApiKey ${env.ELASTICSEARCH_API_KEY}`, 'content-type': 'application/json' }
  async function call(pool: Pool, path: string, method: string, headers: Record<string, string>, body?: unknown) {
    const answer = await pool.request({ path, method, headers, body: body === undefined ? null : JSON.stringify(body) })
    if (answer.statusCode !== 200) throw new Error(`${method} ${path} answered ${answer.statusCode}`)
    return (await answer.body.json()) as { result: { rules: object[] } }
  }
  try {
    const took: number[] = []
    for (let i = 0; i < alerts + 2; i++) {
      const begin = now()
      const { result } = await call(edge, entryPoint, 'GET', cloudflare)
      const rules = result.rules.map((rule) => ({ ...rule, version: undefined, last_updated: undefined }))
      await call(edge, entryPoint, 'PUT', cloudflare, { rules })
      const params = { status: 'acknowledged', tag: 'blocked', now: new Date().toISOString() }
      const update = {
        query: { terms: { _id: [`none-${i}`] } },
        script: { source: '// one line', lang: 'painless', params },
      }
      await call(siem, '/.alerts-security.alerts-default/_update_by_query', 'POST', elastic, update)
      took.push(now() - begin)
    }
    // The first ones also connect.
    return took.slice(2)
  } finally {
    await Promise.all([edge.destroy(), siem.destroy()])
    await world.stop()
  }
}

async function warmUp(world: World, contender: Contender): Promise<void> {
  const { together, each } = await world.call('add', { count: WARM_UP.alerts, first: 0, distinct: WARM_UP.alerts })
  await world.call('mark')
  await postAll(contender, [together])
  const { at } = await world.call('acknowledged', { count: WARM_UP.alerts, withinMs: WITHIN_MS })
  if (at.length < WARM_UP.alerts) throw new Error(`${contender.name}: only ${at.length} alerts were acknowledged`)
  await postAll(
    contender,
    Array.from({ length: WARM_UP.deliveries }, (_, i) => each[i % each.length] as string),
  )
  // Calls of the shared budget come back at 1.9 a second: the burst finds nearly all of its 20.
  await sleep(1500)
}

async function postAll(contender: Contender, bodies: readonly string[]): Promise<void> {
  let next = 0
  async function sender(): Promise<void> {
    while (next < bodies.length) {
      const status = await contender.post(bodies[next++] as string)
      if (status !== 202) throw new Error(`${contender.name} answered ${status}`)
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, sender))
}

/** On the same clock as the world's, with parts of a millisecond. */
function now(): number {
  return performance.timeOrigin + performance.now()
}
