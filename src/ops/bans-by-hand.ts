import type { Address } from '../core/address.ts'
import { type Ban, type Forcible, newBan, type Reason, withReason } from '../core/ban.ts'
import { formatDuration } from '../core/duration.ts'
import type { FirstDuration } from '../core/first-duration.ts'
import { type GuardFacts, judge, judgeForced } from '../core/guards.ts'
import { type BanView, viewOf } from './ban-view.ts'
import { type ByHandDeps, endFrom, inRounds, readDuration, readReason, settled } from './by-hand.ts'
import { historyOf } from './history.ts'
import { OpsRefusal } from './ops-refusal.ts'

/** What a person's order came to; `error`: why the pass that followed it failed. */
export interface Ordered {
  readonly ban: BanView | null
  readonly error: string | null
  /** `for 1h (the first length of 90-block.yaml)`. */
  readonly length: string
  /** The guard that was overruled; null: none had to be. */
  readonly forced: Forcible | null
}

/** Bans by an operator's order: the guards for bans by hand, the ledger, a pass. A refusal is a 422 that has its name. */
export async function banByHand(deps: ByHandDeps, body: unknown, by: string): Promise<Ordered> {
  const order = readOrder(deps, body)
  const { now, records } = deps
  const at = now()
  const guards = { ...(await deps.friends()), by: 'operator' as const, released: [], tooOld: false, observing: false }
  const judged = judgeOrder(order, { ...guards, now: at, decidedAt: at })
  const address = judged.address.text
  const detail = judged.forced === null ? order.reason : `${order.reason} (forced: ${judged.forced})`
  await inRounds(records, async () => {
    const stored = (await records.get<Ban>('bans', [address])).get(address)
    const before = stored?.doc ?? newBan(address, at)
    // On a ban that is held already the clock starts at once.
    const isHeld = Object.values(before.edges).some(({ held }) => held)
    const { durationMs, reason: note } = order
    const until = isHeld ? endFrom(at, durationMs) : null
    const forced = judged.forced === null ? {} : { forced: judged.forced }
    const made = { id: by, note, at: at.toISOString(), durationMs, until, edges: null }
    const reason: Reason = { origin: 'operator', ...made, ...forced }
    const done = { kind: 'banned', addresses: [address], by, detail: `${order.length}: ${detail}` }
    return {
      expect: [{ collection: 'bans', id: address, rev: stored?.rev ?? 0 }],
      put: [
        { collection: 'bans', id: address, doc: withReason({ ...before, lastSeen: at.toISOString() }, reason) },
        historyOf(done, at, deps.historyForMs),
      ],
    }
  })
  deps.events.ordered({ kind: 'banned', addresses: [address], by, reason: detail })
  const error = await settled(deps)
  const ban = (await records.get<Ban>('bans', [address])).get(address)?.doc
  const view = ban === undefined ? null : viewOf(ban, deps.edges, now())
  return { ban: view, error, length: order.length, forced: judged.forced }
}

interface Order {
  readonly address: string
  readonly durationMs: number | null
  readonly length: string
  readonly reason: string
  readonly force: boolean
}

const DEFAULT_MS = 24 * 3600_000

function readOrder(deps: ByHandDeps, body: unknown): Order {
  const { address, duration, reason, force = false } = Object(body) as Record<string, unknown>
  if (typeof address !== 'string' || address === '') throw new OpsRefusal(400, 'address must be an IP address or CIDR.')
  if (typeof force !== 'boolean') throw new OpsRefusal(400, 'force must be true or false.')
  if (force && (reason === undefined || reason === ''))
    throw new OpsRefusal(400, 'force needs a reason: who comes after wants to know why a guard was overruled.')
  const given = readDuration('duration', duration)
  const first = deps.firstDuration()
  const durationMs = given !== undefined ? given : first === null ? DEFAULT_MS : first.durationMs
  const source = given !== undefined || first === null ? '' : ` (the first length of ${nameOf(first)})`
  const length = `${durationMs === null ? 'for ever' : `for ${formatDuration(durationMs)}`}${source}`
  return { address, durationMs, length, reason: readReason(reason, 'banned by hand'), force }
}

function nameOf({ file, observes }: FirstDuration): string {
  return observes ? `${file}, which only observes` : file
}

function judgeOrder({ address, force }: Order, facts: GuardFacts): { address: Address; forced: Forcible | null } {
  const judged = judge(address, facts)
  if (judged.kind === 'ok') return { address: judged.address, forced: null }
  const overruled = judged.refusal === 'too-broad' ? 'too-broad' : 'allowlisted'
  const strict = judgeForced(address, facts, overruled)
  if (strict.kind === 'ok' && force) return { address: strict.address, forced: overruled }
  const may = strict.kind === 'ok'
  const { refusal, detail } = force && !may ? strict : judged
  const hint = may ? ' If you mean it all the same: --force, with a reason.' : ''
  throw new OpsRefusal(422, `Not banned: ${refusal} (${detail}).${hint}`, {}, { refusal, detail, forcible: may })
}
