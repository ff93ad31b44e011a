import { setTimeout as sleep } from 'node:timers/promises'
import { startChild } from './child.ts'
import type { Place } from './places.ts'
import type { Findings } from './soak-findings.ts'
import { startWatched, type Watched } from './soak-service.ts'
import type { SoakWorldCalls } from './soak-world.ts'

export interface Load {
  readonly seconds: number
  /** Alerts a second, one webhook each. */
  readonly perSecond: number
  readonly distinct: number
  readonly instances: number
  readonly zones: number
}

/** What every call of Cloudflare takes. */
const LATENCY_MS = 150
const EXPRESSION_LIMIT = 4096
const BURST_AND_RATE = { burst: 20, perSecond: 1.9 }

/** Alerts at a constant rate, from more sources than there is room for. */
export async function load(place: Place, wanted: Load, findings: Findings): Promise<void> {
  const { seconds, perSecond, distinct, instances, zones } = wanted
  const world = await startChild<SoakWorldCalls>('./soak-world.ts', [LATENCY_MS, zones])
  const services: Watched[] = []
  try {
    const env = { ...(await world.call('environment')), ...(await place.fresh()) }
    for (let n = 0; n < instances; n++) services.push(await startWatched(env))
    await sleep(1_000)
    const bodies: string[] = []
    while (bodies.length < seconds * perSecond)
      bodies.push(...(await world.call('add', { count: 500, first: bodies.length, distinct })))
    const begun = Date.now()
    for (const { probe } of services) await probe.call('reset')
    const samples = watchMemory(services, seconds)
    const { took, statuses } = await postSteadily(services, bodies, perSecond)
    const readings = await Promise.all(services.map(({ probe }) => probe.call('read')))
    const { slopes, live } = await samples
    const after = await Promise.all(services.map(({ probe }) => probe.call('live')))
    const state = await world.call('rest', { quietMs: 5_000 })
    const passed = (Date.now() - begun) / 1000
    const resting = await cpuOf(services, REST_MS)
    const fitted = state.characters.map((length) => EXPRESSION_LIMIT - length)
    const most = mostIn(state.calls, 300_000)
    const { held, tags } = state
    const delay = Math.max(...readings.map((reading) => reading.delay.p99))
    const longest = Math.max(...readings.map((reading) => reading.delay.max))
    const name = `${bodies.length} alerts at ${perSecond}/s of ${distinct} sources, ${instances} × service, ${zones} zone(s), ${place.kind}`
    findings.part(`load: ${name}`)
    findings.bound('webhooks answered 202', statuses.get(202) ?? 0, '=', bodies.length)
    findings.figure('webhooks, ms', `p50 ${at(took, 0.5)}, p99 ${at(took, 0.99)}, most ${at(took, 1)}`)
    findings.bound('event-loop delay p99, ms', delay, '<', 50, `longest ${longest.toFixed(0)} ms`)
    findings.figure(
      'of that computed, ms',
      readings.map(({ computed }) => `p99 ${computed.p99.toFixed(0)}, most ${computed.max.toFixed(0)}`).join('; '),
    )
    const grown = Math.max(...after.map((mb, n) => mb - (live[n] ?? 0)))
    findings.bound(
      'live heap grown, MB',
      grown,
      '<',
      LIVE,
      `to ${after.map((mb) => mb.toFixed(0)).join(', ')} since the warm-up`,
    )
    // The slope of less than two minutes after the warm-up says nothing.
    const flat = seconds < 180 ? Number.POSITIVE_INFINITY : FLAT
    findings.bound('memory slope, MB a minute', Math.max(...slopes), '<', flat, memoryOf(readings))
    findings.figure('CPU of the services, s', readings.map(({ cpu }) => cpu.toFixed(1)).join(', '))
    const parked = bodies.length - state.acknowledged
    findings.figure(
      'CPU at rest, % of a core',
      `${resting.map((part) => (part * 100).toFixed(0)).join(', ')}, with ${parked} alerts waiting`,
    )
    findings.bound('Cloudflare calls in 300 s', most, '<', 600, `${state.calls.length} in all, ${state.puts} PUTs`)
    const budget = BURST_AND_RATE.burst + BURST_AND_RATE.perSecond * passed + 1
    findings.bound('Cloudflare calls', state.calls.length, '<', budget, `the budget of these ${passed.toFixed(0)} s`)
    findings.bound('calls answered 429', state.refused, '=', 0)
    findings.bound('overlapping PUTs', state.overlapping, '=', 0)
    findings.bound('room left, characters', Math.max(...fitted), '<', state.shortest + 1, `held ${held.join(', ')}`)
    findings.bound('held alerts that stay open', state.forgotten, '=', 0, `${state.acknowledged} acknowledged`)
    findings.bound('acknowledged and not held', state.untrue, '=', 0)
    findings.figure('tags of alerts', JSON.stringify(tags))
  } finally {
    for (const service of services) await service.kill()
    await world.stop()
  }
}

// Ids of the last 20,000 alerts, so that a repeated delivery is told, and parsed addresses.
const LIVE = 15
// The collector lets the heap grow to its measure in the first minute or two, and breathes after that.
const FLAT = 10
// What grows until then is caches and the collector's own measure.
const WARM_UP = 1 / 3

/** The slope of each service's resident memory after the warm-up, by least squares, in MB a minute; and what was reachable then. */
async function watchMemory(services: readonly Watched[], seconds: number) {
  const samples: number[][] = services.map(() => [])
  const warm = Math.floor(seconds * WARM_UP)
  let live: number[] = []
  for (let second = 0; second < seconds; second++) {
    await sleep(1_000)
    if (second === warm) live = await Promise.all(services.map(({ probe }) => probe.call('live')))
    for (const [n, { probe }] of services.entries()) samples[n]?.push(probe.memory.resident() ?? 0)
  }
  return { slopes: samples.map((values) => slopeOf(values.slice(warm)) * 60), live }
}

function slopeOf(values: readonly number[]): number {
  const middle = (values.length - 1) / 2
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const across = values.reduce((sum, value, at) => sum + (at - middle) * (value - mean), 0)
  return across / values.reduce((sum, _, at) => sum + (at - middle) ** 2, 0)
}

// Who waits looks again every minute.
const REST_MS = 30_000

/** The part of a core that each takes. */
async function cpuOf(services: readonly Watched[], ms: number): Promise<number[]> {
  const cpu = () => Promise.all(services.map(async ({ probe }) => (await probe.call('read')).cpu))
  const before = await cpu()
  await sleep(ms)
  const after = await cpu()
  return after.map((value, n) => ((value - (before[n] ?? 0)) * 1000) / ms)
}

/** One after the other at a constant rate, whether or not those before were answered. */
async function postSteadily(services: readonly Watched[], bodies: readonly string[], perSecond: number) {
  const took: number[] = []
  const statuses = new Map<number, number>()
  const under: Promise<void>[] = []
  const begun = performance.now()
  for (const [n, body] of bodies.entries()) {
    const early = begun + (n * 1000) / perSecond - performance.now()
    if (early > 1) await sleep(early)
    const sent = performance.now()
    const service = services[n % services.length] as Watched
    under.push(
      service.post(body).then(({ status }) => {
        took.push(performance.now() - sent)
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
      }),
    )
  }
  await Promise.all(under)
  return { took: took.sort((a, b) => a - b), statuses }
}

function at(sorted: readonly number[], part: number): string {
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0).toFixed(0)
}

function memoryOf(readings: readonly { readonly rss: number; readonly heap: number }[]): string {
  return readings.map(({ rss, heap }) => `${rss.toFixed(0)} MB resident, heap ${heap.toFixed(0)}`).join('; ')
}

/** The most of these moments that lie within so many milliseconds. */
function mostIn(moments: readonly number[], ms: number): number {
  const sorted = [...moments].sort((a, b) => a - b)
  let [first, most] = [0, 0]
  for (const [n, moment] of sorted.entries()) {
    while ((sorted[first] as number) <= moment - ms) first++
    most = Math.max(most, n - first + 1)
  }
  return most
}
