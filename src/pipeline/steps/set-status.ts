import { type Outcome, outcomeOf } from '../../core/outcome.ts'
import type { StatusStep } from '../../core/playbook.ts'
import type { Clock, Mark } from '../../ports.ts'
import { type Needs, whyNotHeld } from '../held.ts'
import type { MarkRequest, MarkResult } from '../marks.ts'
import type { BlockOutput } from './block.ts'
import type { RunStep, StepContext, StepResult } from './step.ts'

// A new alert may not be searchable yet; a wrong space or id never will be.
const UNKNOWN_FOR_MS = 5 * 60_000
const UNKNOWN_AGAIN_MS = 5_000
// Bans that are gone wake nobody: soon enough for a person, and no storm should they be gone again at once.
const GONE_MS = 1_000

/** `security.setAlertStatus`. Where a playbook blocks, acknowledged means held, whatever its `if` and `on-failure` say. */
export function createSetStatus(deps: {
  readonly clock: Clock
  readonly mark: (request: MarkRequest) => Promise<MarkResult>
  readonly events: { alertClosedElsewhere(e: { alert: { id: string } }): void }
}): RunStep<StatusStep> {
  return async (step, context) => {
    const { alert, wantsBlock } = context.data
    if (context.observing) return { kind: 'done', output: { skipped: 'observing' } }
    const blocks = blockOutputs(context)
    const outcome = wantsBlock ? blockOutcome(context, blocks) : 'done'
    const may = !wantsBlock || outcome === 'blocked' || step.status === 'open'
    const mark: Mark = { id: alert.id, space: alert.space, status: may ? step.status : null, tag: outcome }
    const needs = wantsBlock && may && step.status !== 'open' ? needsOf(blocks) : null
    const result = await deps.mark({ mark, needs })
    if (typeof result === 'object') {
      const { notHeld } = result
      const park = { kind: 'park' as const, reason: whyNotHeld(notHeld), needs }
      return notHeld.kind === 'gone' ? { ...park, ms: GONE_MS, undecided: true } : park
    }
    if (result === 'unknown') return unknown(deps.clock.now(), context)
    if (result === 'closed') deps.events.alertClosedElsewhere({ alert })
    return { kind: 'done', output: { status: may ? step.status : null, result } }
  }
}

/** Outputs of the playbook's block steps; null where one was skipped, failed or has not run. */
export function blockOutputs({ playbook, outputs }: Pick<StepContext, 'playbook' | 'outputs'>): (BlockOutput | null)[] {
  return playbook.steps
    .filter((step) => step.type === 'cloudflare.block')
    .map((step) => {
      const output = outputs[step.name] as Partial<BlockOutput> | undefined
      return output?.blocked === undefined ? null : (output as BlockOutput)
    })
}

/** What became of the alert as far as its bans go. A block step that failed leaves it open. */
export function blockOutcome(
  context: Pick<StepContext, 'playbook' | 'outputs'>,
  blocks: readonly (BlockOutput | null)[],
): Outcome {
  const failed = context.playbook.steps.some((s) => s.type === 'cloudflare.block' && isFailed(context.outputs[s.name]))
  if (failed) return 'gave-up'
  const ran = blocks.filter((b) => b !== null)
  if (ran.length === 0) return 'done'
  return outcomeOf(
    ran.flatMap((b) => b.blocked),
    ran.flatMap((b) => b.refused),
  )
}

function isFailed(output: unknown): boolean {
  return typeof output === 'object' && output !== null && 'error' in output
}

function needsOf(blocks: readonly (BlockOutput | null)[]): Needs {
  const ran = blocks.filter((b) => b !== null)
  return {
    wanted: [...new Set(ran.flatMap((b) => b.blocked))],
    edges: [...new Set(ran.flatMap((b) => b.edges))],
    since: ran.map((b) => b.since).sort()[0] ?? '',
  }
}

function unknown(now: Date, { data }: StepContext): StepResult {
  if (now.getTime() - Date.parse(data.acceptedAt) > UNKNOWN_FOR_MS)
    return { kind: 'conclude', outcome: 'unknown-alert' }
  return { kind: 'park', reason: 'unknown-alert', needs: null, ms: UNKNOWN_AGAIN_MS }
}
