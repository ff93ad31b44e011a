import { acceptRate, type Burst, bareCalls, burst, type Load, singles } from './measure.ts'
import type { Kind, Place } from './places.ts'
import { type Summary, summarize } from './statistics.ts'

export interface Plan {
  /** Rounds of each measurement. */
  readonly rounds: { readonly quick: number; readonly slow: number; readonly accept: number; readonly single: number }
  /** Alerts of the burst at 150 ms per call. */
  readonly slow: number
  readonly webhooks: number
  readonly singles: number
}

// Two calls each: all of them, and the warm-up, fit into the 20 calls that the budget gives at once.
const SINGLES = 6
export const FULL: Plan = {
  rounds: { quick: 3, slow: 3, accept: 3, single: 2 },
  slow: 1000,
  webhooks: 1500,
  singles: SINGLES,
}
export const SHORT: Plan = {
  rounds: { quick: 1, slow: 1, accept: 1, single: 1 },
  slow: 200,
  webhooks: 300,
  singles: 3,
}

export const QUICK: Load = { alerts: 200, latencyMs: 20 }
export const SLOW_MS = 150

export interface Bursts {
  readonly ms: Summary | null
  readonly acceptMs: Summary | null
  readonly puts: Summary | null
  readonly reads: Summary | null
  readonly updates: Summary | null
  readonly restMb: Summary | null
  readonly peakMb: Summary | null
}

export interface Measured {
  readonly quick: Bursts
  readonly slow: Bursts
  /** One alert, in ms. */
  readonly single: Summary | null
  /** Webhooks per second; those of the floor are not counted. */
  readonly accept: Summary | null
  readonly bareAccept: Summary | null
}

export interface Results {
  readonly plan: Plan
  readonly floor: Measured
  /** GET, PUT and update in a row, in ms. */
  readonly bareCalls: Summary | null
  readonly stores: Partial<Record<Kind, Measured>>
}

/** Measures everything, the contenders taking turns, so that what else the machine does falls on all of them. */
export async function runSuite(places: readonly Place[], plan: Plan, say: (line: string) => void): Promise<Results> {
  const contenders = [null, ...places]
  const quick = new Map<Place | null, Burst[]>()
  const slow = new Map<Place | null, Burst[]>()
  const single = new Map<Place | null, number[]>()
  const accept = new Map<Place | null, number[]>()
  const bareAccept = new Map<Place | null, number[]>()
  const calls: number[] = []
  await rounds(plan.rounds.quick, contenders, async (place) => {
    say(`${nameOf(place)}: ${QUICK.alerts} alerts`)
    push(quick, place, await burst(place, QUICK))
  })
  await rounds(plan.rounds.slow, contenders, async (place) => {
    say(`${nameOf(place)}: ${plan.slow} alerts, slowly`)
    push(slow, place, await burst(place, { alerts: plan.slow, latencyMs: SLOW_MS }))
  })
  await rounds(plan.rounds.accept, places, async (place) => {
    if (place === null) return
    say(`${nameOf(place)}: ${plan.webhooks} webhooks`)
    push(bareAccept, place, await acceptRate(place, 'bare', plan.webhooks))
    push(accept, place, await acceptRate(place, 'portcullis', plan.webhooks))
  })
  await rounds(plan.rounds.single, contenders, async (place) => {
    const load = { alerts: plan.singles, latencyMs: QUICK.latencyMs }
    say(`${nameOf(place)}: single alerts`)
    if (place === null) calls.push(...(await bareCalls(load)))
    push(single, place, ...(await singles(place, load)))
  })
  const measured = (place: Place | null): Measured => ({
    quick: summarizeBursts(quick.get(place) ?? []),
    slow: summarizeBursts(slow.get(place) ?? []),
    single: summarize(single.get(place) ?? []),
    accept: summarize(accept.get(place) ?? []),
    bareAccept: summarize(bareAccept.get(place) ?? []),
  })
  return {
    plan,
    floor: measured(null),
    bareCalls: summarize(calls),
    stores: Object.fromEntries(places.map((place) => [place.kind, measured(place)])),
  }
}

async function rounds(
  count: number,
  contenders: readonly (Place | null)[],
  measure: (place: Place | null) => Promise<void>,
): Promise<void> {
  for (let round = 0; round < count; round++) for (const place of contenders) await measure(place)
}

function push<T>(lists: Map<Place | null, T[]>, place: Place | null, ...values: readonly T[]): void {
  lists.set(place, [...(lists.get(place) ?? []), ...values])
}

function nameOf(place: Place | null): string {
  return place?.kind ?? 'floor'
}

function summarizeBursts(bursts: readonly Burst[]): Bursts {
  const of = (name: keyof Burst) => summarize(bursts.map((each) => each[name]))
  return {
    ms: of('ms'),
    acceptMs: of('acceptMs'),
    puts: of('puts'),
    reads: of('reads'),
    updates: of('updates'),
    restMb: of('restMb'),
    peakMb: of('peakMb'),
  }
}
