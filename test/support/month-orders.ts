import { allow, disallow } from '../../src/ops/allow-orders.ts'
import { banByHand } from '../../src/ops/bans-by-hand.ts'
import { endPause, pause } from '../../src/ops/pause-orders.ts'
import { liftBans } from '../../src/ops/unban.ts'
import type { Raised } from './month-checks.ts'
import { DAY, HOUR, type MonthOracle } from './month-oracle.ts'
import type { ZoneTruth } from './month-people.ts'
import type { Chance, Event, Order } from './month-story.ts'
import type { MonthWorld } from './month-world.ts'

/** A month that is under way. */
export interface Going {
  readonly world: MonthWorld
  readonly oracle: MonthOracle
  readonly truths: readonly ZoneTruth[]
  readonly chance: Chance
  readonly raised: Map<string, Raised>
  /** Until then operators have paused new bans. */
  pausedUntil: number
  now(): number
}

const BY_OPERATORS: readonly Event['kind'][] = ['order', 'resume', 'resume-bans']

export function isByOperator({ kind }: Event): boolean {
  return BY_OPERATORS.includes(kind)
}

/** An operator gives an order, through what the second port calls. */
export async function give(going: Going, event: Event): Promise<void> {
  const { world, truths } = going
  if (event.kind === 'resume') {
    const it = truths[event.zone] as ZoneTruth
    if (!it.contested || it.zone.down) return
    it.contested = false
    it.putBackAt = Number.NEGATIVE_INFINITY
    await world.pipeline().resume(it.zone.name)
  } else if (event.kind === 'resume-bans') {
    going.pausedUntil = 0
    await endPause(world.byHand(), 'alice')
  } else if (event.kind === 'order' && truths.some((it) => !it.zone.down)) await order(going, event.order)
}

async function order(going: Going, what: Order): Promise<void> {
  const { world, oracle, chance } = going
  const deps = world.byHand()
  const now = going.now()
  const wanted = [...oracle.suspects.values()].filter((it) => it.alert ?? it.operator ?? it.entries.size > 0)
  const one = chance.some(wanted, 1)[0]?.address ?? chance.attacker()
  if (what === 'pause') {
    going.pausedUntil = now + 2 * HOUR
    await pause(deps, { duration: '2h' }, 'alice')
  } else if (what === 'unban') {
    const { lifted } = await liftBans(deps, { addresses: [one], reason: '', graceMs: DAY }, 'alice')
    for (const address of lifted) oracle.lifted(address, now)
  } else if (what === 'allow') {
    oracle.allowed(one, now + 2 * DAY, now)
    await allow(deps, { entry: one, duration: '2d' }, 'alice')
  } else if (what === 'disallow') {
    const entry = chance.some(oracle.friends(), 1)[0]
    if (entry === undefined) return
    oracle.disallowed(entry)
    await disallow(deps, { entries: [entry] }, 'alice')
  } else {
    const address = what === 'ban-wide' ? `45.77.${chance.below(40)}.0/24` : chance.attacker()
    if (oracle.isAllowed(address, now)) return
    const hours = chance.below(2) === 0 ? 6 : 72
    oracle.ordered(address, hours * HOUR, now)
    await banByHand(deps, { address, duration: `${hours}h` }, 'alice')
  }
}
