import { randomUUID } from 'node:crypto'
import { addressSet } from '../core/address-set.ts'
import { type Ban, newBan, type Reason, withReason } from '../core/ban.ts'
import { parseDuration } from '../core/duration.ts'
import type { EdgeState } from '../core/edge-state.ts'
import { judge, type Released } from '../core/guards.ts'
import { messageOf } from '../errors.ts'
import type { Friends } from '../pipeline/pass-types.ts'
import type { Records } from '../ports.ts'
import { type BanView, bansCovering, readTerm, viewOf } from './ban-view.ts'
import { OpsRefusal } from './ops-refusal.ts'

export interface ByHandDeps {
  readonly records: Records
  readonly edges: readonly string[]
  readonly now: () => Date
  readonly friends: () => Friends | Promise<Friends>
  readonly releaseForMs: number
  settle(edges: readonly string[] | null): Promise<unknown>
  readonly events: { unban(e: { addresses: readonly string[]; by: string; reason: string }): void }
}

/** What a person's order came to; `error`: why the pass that followed it failed. */
export interface Ordered {
  readonly ban: BanView | null
  readonly error: string | null
}

// Between two commits somebody else may write the same ban: each round reads again.
const ROUNDS = 20
const OFFENCE_MEMORY_MS = 180 * 24 * 3600_000
const DEFAULT_DURATION = '24h'

/** Bans by an operator's order: the guards for bans by hand, the ledger, a pass. A refusal is a 422 that has its name. */
export async function banByHand(deps: ByHandDeps, body: unknown, by: string): Promise<Ordered> {
  const order = readOrder(body)
  const { now, records } = deps
  const at = now()
  const guards = { ...(await deps.friends()), by: 'operator' as const, released: [], tooOld: false, observing: false }
  const judgement = judge(order.address, { ...guards, now: at, decidedAt: at })
  if (judgement.kind === 'refused') {
    const { refusal, detail } = judgement
    throw new OpsRefusal(422, `Not banned: ${refusal} (${detail})`, {}, { refusal, detail })
  }
  const address = judgement.address.text
  await inRounds(async () => {
    const stored = (await records.get<Ban>('bans', [address])).get(address)
    const before = stored?.doc ?? newBan(address, at)
    const reason: Reason = {
      origin: 'operator',
      id: by,
      note: order.reason,
      at: at.toISOString(),
      durationMs: order.durationMs,
      // On a ban that is held already the clock starts at once.
      until:
        order.durationMs !== null && Object.values(before.edges).some(({ held }) => held)
          ? new Date(at.getTime() + order.durationMs).toISOString()
          : null,
      edges: null,
    }
    const done = { kind: 'banned', addresses: [address], by, detail: order.reason }
    return records.commit({
      expect: [{ collection: 'bans', id: address, rev: stored?.rev ?? 0 }],
      put: [
        { collection: 'bans', id: address, doc: withReason({ ...before, lastSeen: at.toISOString() }, reason) },
        historyOf(done, at),
      ],
    })
  })
  const error = await settled(deps)
  const ban = (await records.get<Ban>('bans', [address])).get(address)?.doc
  return { ban: ban === undefined ? null : viewOf(ban, deps.edges, now()), error }
}

/** Lifts a ban wholly and keeps the address from automatic bans for a while; answers what the edges still list. */
export async function unbanByHand(
  deps: ByHandDeps,
  text: string,
  reason: string,
  by: string,
): Promise<{ address: string; until: string; verified: boolean; coveredBy: readonly string[]; error: string | null }> {
  const { records, now, releaseForMs } = deps
  const address = readTerm(text).text
  const at = now()
  const until = new Date(at.getTime() + releaseForMs).toISOString()
  await inRounds(async () => {
    const stored = (await records.get<Ban>('bans', [address])).get(address)
    if (stored === undefined) throw await notBanned(records, address)
    const released: Released = { address, at: at.toISOString(), until }
    const offence = { address, count: stored.doc.offence, endedAt: at.toISOString(), how: 'lifted' }
    return records.commit({
      expect: [{ collection: 'bans', id: address, rev: stored.rev }],
      put: [
        { collection: 'released', id: address, doc: released, expires: new Date(until) },
        ...(stored.doc.offence > 0
          ? [
              {
                collection: 'offences' as const,
                id: address,
                doc: offence,
                expires: new Date(at.getTime() + OFFENCE_MEMORY_MS),
              },
            ]
          : []),
        historyOf({ kind: 'lifted', addresses: [address], by, detail: reason }, at),
      ],
      remove: [{ collection: 'bans', id: address }],
    })
  })
  deps.events.unban({ addresses: [address], by, reason })
  const error = await settled(deps)
  const term = readTerm(address)
  const left = bansCovering(docs(await records.all<Ban>('bans')), term).map((ban) => ban.address)
  const states = await records.all<EdgeState>('edges')
  const listed = states.some(({ doc }) => addressSet(doc.base?.terms ?? []).covers(term))
  return { address, until, verified: error === null && !listed, coveredBy: left, error }
}

/** What a person did, for `/api/history`; ids rise with time. */
export function historyOf(
  entry: {
    readonly kind: string
    readonly addresses: readonly string[]
    readonly by: string
    readonly detail?: string
    readonly edge?: string
  },
  at: Date,
) {
  const id = `${at.toISOString()}.${randomUUID().slice(0, 8)}`
  return { collection: 'history' as const, id, doc: { at: at.toISOString(), ...entry } }
}

interface Order {
  readonly address: string
  readonly durationMs: number | null
  readonly reason: string
}

function readOrder(body: unknown): Order {
  const { address, duration = DEFAULT_DURATION, reason } = Object(body) as Record<string, unknown>
  if (typeof address !== 'string' || address === '') throw new OpsRefusal(400, 'address must be an IP address or CIDR.')
  const durationMs = typeof duration === 'string' ? parseDuration(duration) : undefined
  if (durationMs === undefined) throw new OpsRefusal(400, 'duration must look like 30m, 24h, 7d or forever.')
  return { address, durationMs, reason: readReason(reason) }
}

/** One line for those who come after. */
export function readReason(reason: unknown): string {
  if (typeof reason === 'string' && /^[^\p{Cc}\u2028\u2029]{1,300}$/u.test(reason.trim())) return reason.trim()
  throw new OpsRefusal(400, 'reason must say why, in one line of at most 300 characters.')
}

async function inRounds(attempt: () => Promise<boolean>): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) if (await attempt()) return
  throw new OpsRefusal(409, 'The ban changes all the time; try again.')
}

async function settled(deps: ByHandDeps): Promise<string | null> {
  try {
    await deps.settle(null)
    return null
  } catch (error) {
    return messageOf(error)
  }
}

async function notBanned(records: Records, address: string): Promise<OpsRefusal> {
  const wider = bansCovering(docs(await records.all<Ban>('bans')), readTerm(address)).map((ban) => ban.address)
  if (wider.length === 0) return new OpsRefusal(404, `${address} is not banned.`)
  const message = `${address} is banned as a part of ${wider.join(', ')}: lift that, or allow the address.`
  return new OpsRefusal(409, message, {}, { coveredBy: wider })
}

function docs<T>(stored: readonly { readonly doc: T }[]): T[] {
  return stored.map(({ doc }) => doc)
}
