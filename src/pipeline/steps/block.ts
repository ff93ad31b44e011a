import type { RefusedSuspect } from '../../core/decide.ts'
import { isListEdge } from '../../core/list-edge.ts'
import type { AlertRecord } from '../../core/outcome.ts'
import type { BlockStep } from '../../core/playbook.ts'
import { hasLapsed } from '../../core/standing.ts'
import type { Clock, Records } from '../../ports.ts'
import { standingsNow, whyNotHeld } from '../held.ts'
import type { Decided, Intent } from '../intents.ts'
import { readAddresses } from '../ledger.ts'
import { PAUSED, PausedError } from '../pause.ts'
import type { Settler } from '../settler.ts'
import type { RunStep, StepContext, StepResult } from './step.ts'

/** What the step leaves to those after it. */
export interface BlockOutput {
  /** Addresses and prefixes that are held everywhere they are wanted. */
  readonly blocked: readonly string[]
  readonly refused: readonly RefusedSuspect[]
  /** Names of the edges. */
  readonly edges: readonly string[]
  readonly since: string
}

export interface BlockDeps {
  readonly records: Records
  readonly clock: Clock
  readonly settler: Settler
  readonly intend: (intent: Intent) => Promise<Decided>
  readonly maxAlertAgeMs: number
  readonly events: {
    decided(e: {
      alert: StepContext['data']['alert']
      bans: readonly { address: string }[]
      refused: readonly RefusedSuspect[]
      observed: boolean
    }): void
    refused(e: { alert: StepContext['data']['alert']; suspect: string; refusal: string; detail: string }): void
  }
}

/** `cloudflare.block`: the intent first, then one pass, then look: held, or park until it is. */
export function createBlock(deps: BlockDeps): RunStep<BlockStep> {
  return async (step, context) => {
    const { alert } = context.data
    // A list serves all zones: it is wanted wherever one of them is.
    const edges = step.zones === null ? deps.settler.edges : [...deps.settler.edges.filter(isListEdge), ...step.zones]
    const before = await recordOf(deps, context)
    if (before !== undefined && !isReplayed(before, context) && (await lapsed(deps, before, edges))) {
      return { kind: 'conclude', outcome: 'lapsed' }
    }
    const intended = await unlessPaused(
      deps.intend({
        alert,
        playbook: context.playbook.name,
        step,
        observing: context.observing,
        replayedAt: context.data.replay?.at ?? null,
      }),
    )
    if (intended === null) return { kind: 'park', reason: PAUSED, needs: null }
    const { decision, record, changed } = intended
    if (before === undefined || changed) report(deps, context, decision)
    const output: BlockOutput = {
      blocked: decision.wanted,
      refused: decision.refused,
      edges,
      since: record.at,
    }
    if (decision.wanted.length === 0) return { kind: 'done', output }
    // Woken from a wait for the edge, a pass has just looked; in every other case one has to.
    if (changed || !context.data.waiting?.startsWith('edge-'))
      await deps.settler.settle(step.zones === null ? null : edges)
    return look(deps, context, output)
  }
}

async function recordOf({ records }: BlockDeps, { data, record }: StepContext): Promise<AlertRecord | undefined> {
  if (record !== undefined) return record ?? undefined
  return (await records.get<AlertRecord>('outcomes', [data.alert.id])).get(data.alert.id)?.doc
}

async function unlessPaused<T>(deciding: Promise<T>): Promise<T | null> {
  try {
    return await deciding
  } catch (error) {
    if (error instanceof PausedError) return null
    throw error
  }
}

async function look(deps: BlockDeps, context: StepContext, output: BlockOutput): Promise<StepResult> {
  const needs = { wanted: output.blocked, edges: output.edges, since: output.since }
  const standing = (await standingsNow(deps, [needs]))[0]
  if (standing === undefined || standing.kind === 'held') return { kind: 'done', output }
  if (isOverdue(context, deps.clock.now(), deps.maxAlertAgeMs)) return { kind: 'conclude', outcome: 'lapsed' }
  const park = { kind: 'park' as const, reason: whyNotHeld(standing), needs }
  return standing.kind === 'gone' ? { ...park, ms: GONE_MS } : park
}

// Bans that are gone wake nobody: soon enough for a person, and no storm should they be gone again at once.
const GONE_MS = 1_000

/** Whether a ban of an earlier run ended, or never got a place in time. */
async function lapsed(deps: BlockDeps, record: AlertRecord, edges: readonly string[]): Promise<boolean> {
  // Not the first decision: bans that ended between the two are no ends of this one.
  const { wanted, at: since } = record
  if (record.outcome !== null || wanted.length === 0) return false
  const { bans, offences } = await readAddresses(deps.records, wanted)
  return hasLapsed({ wanted, bans, offences, edges, since, now: deps.clock.now() })
}

function isReplayed(record: AlertRecord, { data }: StepContext): boolean {
  return data.replay !== undefined && data.replay.at > record.firstDecidedAt
}

function isOverdue({ data }: StepContext, now: Date, maxAlertAgeMs: number): boolean {
  return now.getTime() - Date.parse(data.acceptedAt) > maxAlertAgeMs
}

function report(deps: BlockDeps, { data, observing }: StepContext, decision: Decided['decision']): void {
  const { alert } = data
  const observed = decision.refused.filter((r) => r.refusal === 'observing')
  const bans = observing ? observed.map((r) => ({ address: r.address ?? r.suspect })) : decision.bans
  deps.events.decided({ alert, bans, refused: decision.refused, observed: observing })
  for (const { suspect, refusal, detail } of decision.refused) deps.events.refused({ alert, suspect, refusal, detail })
}
