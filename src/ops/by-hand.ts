import { parseDuration } from '../core/duration.ts'
import type { Explanation } from '../core/explanation.ts'
import type { FirstDuration } from '../core/first-duration.ts'
import type { AllowEntry } from '../core/guards.ts'
import { messageOf } from '../errors.ts'
import type { AllowedByHand } from '../pipeline/allow.ts'
import type { Friends } from '../pipeline/pass-types.ts'
import type { Pausing } from '../pipeline/pause.ts'
import type { Change, Records } from '../ports.ts'
import { OpsRefusal } from './ops-refusal.ts'

/** What people may do to bans needs this of the service. */
export interface ByHand {
  readonly friends: () => Friends | Promise<Friends>
  /** How long a lifted address is kept from automatic bans, where nobody says. */
  readonly releaseForMs: number
  readonly offenceMemoryMs: number
  readonly historyForMs: number
  /** How long a ban by hand lasts where nobody says; null: no playbook says it either. */
  firstDuration(): FirstDuration | null
  /** What waits for these addresses looks again. */
  wake(addresses: readonly string[]): Promise<void>
  /** ALLOWLIST, as far as it is resolved. */
  given(): readonly AllowEntry[]
  readonly allowed: AllowedByHand
  /** What the edge was last seen to list, where its record does not say it; absent or null: it does. */
  listed?(edge: string): readonly string[] | null
  readonly pausing: Pausing
  /** What would become of the alerts in this body of a webhook; without any effect. An OpsRefusal where it cannot be read. */
  explain(body: string): Promise<Explanation>
}

export interface ByHandDeps extends ByHand {
  readonly records: Records
  readonly edges: readonly string[]
  readonly now: () => Date
  /** One pass begun after this call over each edge (null: all). */
  settle(edges: readonly string[] | null): Promise<unknown>
  readonly events: OrderEvents
}

export interface OrderEvents {
  unban(e: { addresses: readonly string[]; by: string; reason: string }): void
  /** Any other order of a person. */
  ordered(e: { kind: string; addresses: readonly string[]; by: string; reason: string }): void
  paused(e: { by: string; until: string | null }): void
}

// Between two commits somebody else may write the same ban: each round reads again.
const ROUNDS = 20

/** Commits what each round decides anew, until nobody came in between; null: there is nothing to do. */
export async function inRounds(records: Records, decide: () => Promise<Change | null>): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const change = await decide()
    if (change === null || (await records.commit(change))) return
  }
  throw new OpsRefusal(409, 'The ban changes all the time; try again.')
}

/** Passes over all edges; why one of them failed, in one line, null: none did. */
export async function settled(deps: Pick<ByHandDeps, 'settle'>): Promise<string | null> {
  try {
    await deps.settle(null)
    return null
  } catch (error) {
    return messageOf(error).replace(/\s+/g, ' ')
  }
}

/** One line for those who come after; `absent` where nothing is given. */
export function readReason(reason: unknown, absent?: string): string {
  if (absent !== undefined && (reason === undefined || reason === '')) return absent
  if (typeof reason === 'string' && /^[^\p{Cc}\u2028\u2029]{1,300}$/u.test(reason.trim())) return reason.trim()
  throw new OpsRefusal(400, 'reason must say why, in one line of at most 300 characters.')
}

/** Milliseconds, null: for ever; undefined where nothing is given. */
export function readDuration(name: string, text: unknown): number | null | undefined {
  if (text === undefined) return undefined
  const ms = typeof text === 'string' ? parseDuration(text) : undefined
  if (ms === undefined) throw new OpsRefusal(400, `${name} must look like 30m, 24h, 7d or forever.`)
  return ms
}

/** The end of what begins now. */
export function endFrom(now: Date, durationMs: number | null): string | null {
  return durationMs === null ? null : new Date(now.getTime() + durationMs).toISOString()
}
