import type { AlertRecord, Outcome } from '../../core/outcome.ts'
import type { Playbook, Step } from '../../core/playbook.ts'
import type { JobData } from '../../ports.ts'
import type { Needs } from '../held.ts'

/** What a step needs to know of the run that it is part of. */
export interface StepContext {
  readonly data: JobData
  readonly playbook: Playbook
  /** Decide and report, but start nothing. */
  readonly observing: boolean
  /** Outputs of finished steps, by name. */
  readonly outputs: Readonly<Record<string, unknown>>
  /** The alert's record as it was just read, null where there is none; absent: whoever needs it reads it. */
  readonly record?: AlertRecord | null
}

export type StepResult =
  | { readonly kind: 'done'; readonly output: unknown }
  /** Wait for these bans, or for whatever the reason names; the step runs again when woken, or after `ms` (a minute). */
  | {
      readonly kind: 'park'
      readonly reason: string
      readonly needs: Needs | null
      readonly ms?: number
      /** What the block steps found no longer stands: they are to decide again. */
      readonly undecided?: true
    }
  /** The alert's story ends here. */
  | { readonly kind: 'conclude'; readonly outcome: Outcome }

export type RunStep<S extends Step> = (step: S, context: StepContext) => Promise<StepResult>
