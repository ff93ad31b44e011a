import { parseTerm } from '../core/address.ts'
import { addressSet } from '../core/address-set.ts'
import type { Ban } from '../core/ban.ts'
import type { EdgeState } from '../core/edge-state.ts'
import type { Released } from '../core/guards.ts'
import type { Change, Stored } from '../ports.ts'
import { bansCovering, ORIGINS, oneOf, readTerm } from './ban-view.ts'
import { type ByHandDeps, inRounds, readDuration, readReason, settled } from './by-hand.ts'
import { termsAt } from './edge-terms.ts'
import { historyOf } from './history.ts'
import { OpsRefusal } from './ops-refusal.ts'

/** What an order to lift bans came to. */
export interface Lifted {
  readonly lifted: readonly string[]
  /** Not banned, nor a part of what is. */
  readonly unknown: readonly string[]
  /** Not banned themselves, but parts of wider bans. */
  readonly covered: readonly { readonly address: string; readonly by: readonly string[] }[]
  /** Until when automatic bans of the lifted are refused; null where nothing was lifted. */
  readonly until: string | null
  /** Every edge was read again and lists none of them. */
  readonly verified: boolean
  /** Lifted, and still at an edge or inside a wider ban. */
  readonly still: readonly { readonly address: string; readonly where: readonly string[] }[]
  readonly error: string | null
}

export interface LiftOrder {
  readonly addresses: readonly string[]
  readonly reason: string
  readonly graceMs: number
}

const MOST = 10_000
// One commit stays short.
const AT_ONCE = 250

/** `{addresses | all, origin?, grace?, reason?}`. A 400 names what is wrong, before anything is lifted. */
export async function readLiftOrder(deps: ByHandDeps, body: unknown): Promise<LiftOrder> {
  const { addresses, all, origin, grace, reason } = Object(body) as Record<string, unknown>
  const graceMs = readDuration('grace', grace)
  if (graceMs === null)
    throw new OpsRefusal(400, 'grace must have an end. To keep an address from bans for good: portcullis allow.')
  const order = { reason: readReason(reason, 'lifted by hand'), graceMs: graceMs ?? deps.releaseForMs }
  if (all === true) {
    const wanted = oneOf('origin', origin, ORIGINS)
    const bans = await deps.records.all<Ban>('bans')
    const chosen = bans.filter(({ doc }) => wanted === null || doc.reasons.some((r) => r.origin === wanted))
    return { ...order, addresses: chosen.map(({ id }) => id) }
  }
  if (!isTexts(addresses)) throw new OpsRefusal(400, `addresses must be a list of 1 to ${MOST} addresses.`)
  return { ...order, addresses: [...new Set(addresses.map((text) => readTerm(text).text))] }
}

/** Lifts bans wholly, keeps the addresses from automatic bans for a while, and reads the edges again to see that they are gone. */
export async function liftBans(deps: ByHandDeps, order: LiftOrder, by: string): Promise<Lifted> {
  const { records } = deps
  const at = deps.now()
  const until = new Date(at.getTime() + order.graceMs).toISOString()
  const lifted: string[] = []
  for (let from = 0; from < order.addresses.length; from += AT_ONCE) {
    const some = order.addresses.slice(from, from + AT_ONCE)
    let found: string[] = []
    await inRounds(records, async () => {
      const stored = await records.get<Ban>('bans', some)
      found = [...stored.keys()]
      return stored.size === 0 ? null : liftingChange(deps, [...stored.values()], { order, by, at, until })
    })
    lifted.push(...found)
  }
  if (lifted.length > 0) {
    deps.events.unban({ addresses: lifted, by, reason: order.reason })
    await deps.wake(lifted)
  }
  const error = lifted.length === 0 ? null : ((await settled(deps)) ?? (await settled(deps)))
  const done = new Set(lifted)
  const missing = order.addresses.filter((address) => !done.has(address))
  const bans = (await records.all<Ban>('bans')).map(({ doc }) => doc)
  const covered = missing.map((address) => ({ address, by: covering(bans, address) }))
  const still = await stillThere(deps, bans, lifted)
  return {
    lifted,
    unknown: covered.filter((one) => one.by.length === 0).map(({ address }) => address),
    covered: covered.filter((one) => one.by.length > 0),
    until: lifted.length === 0 ? null : until,
    verified: lifted.length > 0 && error === null && still.length === 0,
    still,
    error,
  }
}

/** What a lifting is in the ledger: no ban, a release, the offence remembered, a line of history. */
export function liftingChange(
  deps: Pick<ByHandDeps, 'offenceMemoryMs' | 'historyForMs'>,
  bans: readonly Stored<Ban>[],
  { order, by, at, until }: { order: { reason: string }; by: string; at: Date; until: string | null },
): Change {
  const addresses = bans.map(({ id }) => id)
  const forget = new Date(at.getTime() + deps.offenceMemoryMs)
  const endedAt = at.toISOString()
  return {
    expect: bans.map(({ id, rev }) => ({ collection: 'bans', id, rev })),
    put: [
      ...(until === null ? [] : addresses).map((address) => {
        const released: Released = { address, at: endedAt, until: until ?? '' }
        return { collection: 'released' as const, id: address, doc: released, expires: new Date(released.until) }
      }),
      ...bans
        .filter(({ doc }) => doc.offence > 0)
        .map(({ id, doc }) => ({
          collection: 'offences' as const,
          id,
          doc: { address: id, count: doc.offence, endedAt, how: until === null ? 'allowlisted' : 'lifted' },
          expires: forget,
        })),
      historyOf({ kind: 'lifted', addresses, by, detail: order.reason }, at, deps.historyForMs),
    ],
    remove: addresses.map((id) => ({ collection: 'bans', id })),
  }
}

/** By what the edges last answered, and by the bans that are left. */
async function stillThere(deps: ByHandDeps, bans: readonly Ban[], lifted: readonly string[]): Promise<Lifted['still']> {
  const states = await deps.records.all<EdgeState>('edges')
  const edges = states.map(({ id, doc }) => ({ id, listed: addressSet(deps.listed?.(id) ?? termsAt(doc)) }))
  return lifted.flatMap((address) => {
    const at = edges.filter(({ listed }) => listed.covers(address)).map(({ id }) => id)
    const within = covering(bans, address)
    const where = [...at, ...within.filter((wider) => wider !== address).map((wider) => `the ban of ${wider}`)]
    return where.length === 0 ? [] : [{ address, where }]
  })
}

function covering(bans: readonly Ban[], address: string): string[] {
  const term = parseTerm(address)
  return term === null ? [] : bansCovering(bans, term).map((ban) => ban.address)
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.length > 0 && value.length <= MOST && value.every((v) => typeof v === 'string')
}
