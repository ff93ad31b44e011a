import { deepEqual, equal, ok } from 'node:assert/strict'
import type { Ban } from '../../src/core/ban.ts'
import type { HistoryEntry } from '../../src/core/history.ts'
import type { Clock, Edge } from '../../src/ports.ts'
import { decide, raise } from './month-alerts.ts'
import { checkAlerts, checkHistory, checkLedger, checkZone, inForce, isTrueOf, type Raised } from './month-checks.ts'
import { DAY, HOUR, MINUTE, MonthOracle } from './month-oracle.ts'
import { type Going, give, isByOperator } from './month-orders.ts'
import { doByHand, type ZoneTruth, zoneTruth } from './month-people.ts'
import { chanceOf, type Event, storyOf } from './month-story.ts'
import { type MonthWorld, monthWorld } from './month-world.ts'
import { ownRule } from './settle-world.ts'

const START = Date.parse('2026-03-01T00:00:00.000Z')

export interface Month {
  readonly alerts: number
  readonly outcomes: Readonly<Record<string, number>>
  readonly passes: number
  readonly writes: number
  /** Moments at which a zone lacked room. */
  readonly full: number
  /** How often an instance died amid its work. */
  readonly deaths: number
}

/** So many days of attacks, and of people, outages and restarts; throws at the first moment at which something is not as it should be. */
export async function liveMonth(options: {
  readonly seed: number
  readonly days: number
  readonly zones: readonly string[]
  readonly wrap?: (edge: Edge, clock: Clock) => Edge
}): Promise<Month> {
  const chance = chanceOf(options.seed)
  const world = monthWorld(START, options.zones, options.wrap)
  const oracle = new MonthOracle()
  const truths = world.zones.map(zoneTruth)
  const raised = new Map<string, Raised>()
  const story = storyOf(options.days, options.zones.length, chance)
  const count = { passes: 0, full: 0, deaths: 0 }
  /** The instance is to die over the next alerts; it has. */
  let dies = false
  let dead = false
  const now = () => world.clock.now().getTime()
  const going: Going = { world, oracle, truths, chance, raised, pausedUntil: 0, now }
  /** What was wrong with a call to Elastic; the service would take an error for one of Elastic's. */
  const complaints: string[] = []
  world.siem.check = ({ id, status }) => {
    const alert = raised.get(id) as Raised
    if (status === 'acknowledged' && !isTrueOf(alert, oracle, truths, now()))
      complaints.push(`${id} is acknowledged, and ${alert.address} is not held`)
    if (status === 'acknowledged') alert.acknowledgedAt = now()
    const since = oracle.of(alert.address).alert?.at ?? 0
    if (status === 'open' && alert.acknowledgedAt < since)
      complaints.push(`${id} is reopened for a ban of ${alert.address} that it did not ask for`)
  }

  let next = 0
  const end = options.days * DAY
  for (let at = 0; at <= end; at = following(at)) {
    const events: Event[] = []
    for (; next < story.length && (story[next]?.minute ?? 0) * MINUTE <= at; next++)
      events.push(story[next]?.event as Event)
    await liveMinute(at, events)
    deepEqual(complaints, [])
  }
  await rest()
  deepEqual(complaints, [])
  for (const it of truths) checkHistory(it, await historyOf(world))
  const outcomes = await checkAlerts(world.records, world.siem, raised, (id) => {
    return { state: world.queue.state(id), waiting: world.queue.data(id).waiting }
  })
  const writes = truths.reduce((sum, it) => sum + it.zone.edge.sent.length, 0)
  return { alerts: raised.size, outcomes, writes, ...count }

  /** Minutes at which nothing can happen are left out, and most of those at which alerts merely wait. */
  function following(at: number): number {
    const waiting = world.open() > 0 || truths.some((it) => it.zone.down) ? at + 30 * MINUTE : Number.POSITIVE_INFINITY
    const told = (story[next]?.minute ?? Number.POSITIVE_INFINITY) * MINUTE
    const ends = Math.ceil((oracle.nextEnd(START + at) - START) / MINUTE) * MINUTE
    const idle = at + 6 * HOUR
    return Math.max(at + MINUTE, dead ? at + MINUTE : Math.min(waiting, told, ends, idle))
  }

  async function liveMinute(at: number, events: readonly Event[]): Promise<void> {
    world.clock.set(START + at)
    if (dead) world.restart()
    dead = false
    for (const event of events) if (event.kind !== 'alerts' && event.kind !== 'order') happen(event)
    await world.tick()
    for (const it of truths)
      if (!it.zone.down) equal(passedAt(it), now(), `a pass over ${it.zone.name}: ${failure(it)}`)
    await observe()
    await work()
    const alerts = events.flatMap((event) => (event.kind === 'alerts' ? event.attackers : []))
    if (alerts.length > 0) {
      pass(1 + chance.below(15_000))
      if (dies) world.dieAfter(1 + chance.below(12))
      const ids = await raise(going, alerts)
      if (world.isDead()) await decide(going, ids)
      else await work()
    }
    if (world.isDead()) return afterDeath()
    world.dieAfter(Number.POSITIVE_INFINITY)
    for (const event of events) {
      if (!isByOperator(event)) continue
      pass(1 + chance.below(4_000))
      await give(going, event)
      await observe()
      await work()
    }
  }

  function pass(ms: number): void {
    world.clock.set(now() + ms)
  }

  function happen(event: Exclude<Event, { kind: 'alerts' | 'order' }>): void {
    const it = 'zone' in event ? (truths[event.zone] as ZoneTruth) : undefined
    if (event.kind === 'elastic-down' || event.kind === 'elastic-up') world.siem.down = event.kind === 'elastic-down'
    if (event.kind === 'restart') world.restart()
    if (event.kind === 'crash') dies = true
    if (it === undefined || !('zone' in event)) return
    if (event.kind === 'deed') doByHand(it, event.deed, oracle, chance, now())
    if (event.kind === 'enable' && !it.contested && it.zone.edge.rules().some((rule) => rule.enabled === false))
      doByHand(it, 'switch', oracle, chance, now())
    if (event.kind === 'down') {
      it.reached = inForce(it)
      it.zone.down = true
    }
    if (event.kind === 'up') {
      it.zone.down = false
      for (const effect of it.unseen.splice(0)) effect(now())
    }
    if (event.kind === 'small')
      it.zone.limit = Math.max(120, Math.floor((lengthAt(it) * (30 + chance.below(60))) / 100))
    if (event.kind === 'wide') it.zone.limit = 4096
  }

  /** Jobs that may run do, until none is left. */
  async function work(): Promise<void> {
    for (let round = 0; !world.isDead(); round++) {
      const ids = world.ready()
      if (ids.length === 0) break
      ok(round < 20, `jobs run again and again: ${ids.slice(0, 3).join()}`)
      await decide(going, ids)
    }
    if (!world.isDead()) await observe()
  }

  function passedAt(it: ZoneTruth): number | undefined {
    const last = world.pipeline().settler.last().get(it.zone.name)
    return last?.error === null ? last.at.getTime() : undefined
  }

  function failure(it: ZoneTruth): string {
    return world.pipeline().settler.last().get(it.zone.name)?.error ?? 'there was none'
  }

  /** What the passes of this moment must have done, and whether they have. */
  async function observe(): Promise<void> {
    const passed = truths.filter((it) => passedAt(it) === now())
    if (passed.length === 0) return
    oracle.swept(now())
    for (const it of passed) {
      count.passes++
      const { zone } = it
      const heldBefore = new Set(
        [...oracle.suspects.values()].filter((s) => s.held.has(zone.name)).map((s) => s.address),
      )
      it.missing.clear()
      if (!checkZone(it, oracle, heldBefore, now())) count.full++
      oracle.settled(zone.name, inForce(it), true, now())
    }
    await checkLedger(world.records, oracle, now())
  }

  /** The clocks that the dead instance has still started are running. */
  async function afterDeath(): Promise<void> {
    dead = true
    dies = false
    count.deaths++
    for (const { id, doc } of await world.records.all<Ban>('bans')) {
      const started = doc.reasons.some(
        ({ until, durationMs }) => until === new Date(now() + (durationMs ?? 0)).toISOString(),
      )
      if (started) oracle.begun(id, now())
    }
  }

  async function rest(): Promise<void> {
    const at = Math.ceil((now() - START) / MINUTE) * MINUTE
    const all = truths.map((_, zone) => zone)
    const up = all.flatMap((zone) => [{ kind: 'wide', zone } as const, { kind: 'up', zone } as const])
    await liveMinute(at + MINUTE, [...up, { kind: 'elastic-up' }, { kind: 'resume-bans' }])
    await liveMinute(
      at + 2 * MINUTE,
      all.flatMap((zone) => [{ kind: 'enable', zone } as const, { kind: 'resume', zone } as const]),
    )
    await liveMinute(
      at + 3 * MINUTE,
      all.map((zone) => ({ kind: 'enable', zone })),
    )
    for (let minute = 4; minute < 8; minute++) await liveMinute(at + minute * MINUTE, [])
  }
}

async function historyOf({ records }: MonthWorld): Promise<HistoryEntry[]> {
  return (await records.recent<HistoryEntry>('history', { limit: 1_000_000 })).map(({ doc }) => doc)
}

function lengthAt({ zone }: ZoneTruth): number {
  return String(ownRule(zone.edge.rules())?.expression ?? '').length
}
