import type { Alert } from './alert.ts'
import type { RefusedSuspect } from './decide.ts'
import { REFUSALS, type Refusal } from './guards.ts'

/** What became of an alert. `done`: its playbook has no block step and ran to its end. */
export type Outcome = Refusal | 'blocked' | 'done' | 'partly' | 'lapsed' | 'gave-up' | 'displaced' | 'unknown-alert'

/** The ledger's record of one alert, under its id. Times are ISO 8601. */
export interface AlertRecord {
  /** null: being worked on, or parked. */
  readonly outcome: Outcome | null
  /** Event ages are measured at this moment, however often the alert is taken up again. */
  readonly firstDecidedAt: string
  readonly at: string
  /** Which taking-up the outcome answers: the job's `reopenedAt`; absent: it was never taken up again. */
  readonly round?: string
  /** Why it waits; null: it does not. */
  readonly waiting: string | null
  readonly rule: string
  readonly playbook: string
  readonly space: string
  /** Addresses that have to be held, and the refused with their reason. */
  readonly wanted: readonly string[]
  readonly refused: readonly { readonly suspect: string; readonly refusal: string }[]
  /** The replay that it answers, by its time. */
  readonly replayedAt?: string
  /** The status that we set in Elastic. */
  readonly status?: string
  readonly evidence?: Alert['evidence']
}

const FINAL: readonly Outcome[] = [
  ...(['blocked', 'done', 'allowlisted', 'private', 'cloudflare', 'malformed', 'no-address'] as const),
  ...(['too-old', 'too-broad', 'released'] as const),
]
const BY_A_PERSON: readonly Outcome[] = ['quota-spent', 'partly']

/** A repeated delivery does nothing. */
export function isFinal(outcome: Outcome): boolean {
  return FINAL.includes(outcome)
}

/** A delivery, catch-up or the change to enforce takes it up again; the rest only a person does. */
export function isReopenable(outcome: Outcome): boolean {
  return !isFinal(outcome) && !BY_A_PERSON.includes(outcome)
}

/** Suspects that do not matter beside a held one: nobody can block them. */
const BESIDE: readonly Refusal[] = ['private', 'cloudflare']

/** The outcome once every wanted ban is held; null where none is wanted and nothing was refused. */
export function outcomeOf(wanted: readonly string[], refused: readonly RefusedSuspect[]): Outcome {
  if (wanted.length > 0) return refused.every((r) => BESIDE.includes(r.refusal)) ? 'blocked' : 'partly'
  // Those that may be taken up again speak for all; else the guard that was asked last came nearest to a ban.
  return refused.map((r) => r.refusal).sort((a, b) => REFUSALS.indexOf(b) - REFUSALS.indexOf(a))[0] ?? 'no-address'
}
