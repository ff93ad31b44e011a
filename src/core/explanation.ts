import type { Refusal } from './guards.ts'

/** What would become of alerts, found without any effect. */
export interface Explanation {
  /** Whose ledger and edges were asked, in words. */
  readonly against: string
  /** What must be known beside it: a pause, names that were not looked up. */
  readonly notes: readonly string[]
  readonly alerts: readonly ExplainedAlert[]
  /** Entries of the body that are no alerts, with what is wrong. */
  readonly invalid: readonly { readonly index: number; readonly errors: readonly string[] }[]
  readonly skipped: readonly { readonly index: number; readonly reason: string }[]
  /** As all these alerts together would leave them. */
  readonly edges: readonly ExplainedEdge[]
}

export interface ExplainedAlert {
  readonly id: string
  readonly rule: string
  /** null: no playbook answers it. */
  readonly playbook: { readonly file: string; readonly name: string; readonly mode: 'enforce' | 'observe' } | null
  /** Why nothing of this would happen; null: it would. */
  readonly stopped: string | null
  readonly steps: readonly ExplainedStep[]
  /** What it would come to once its bans are held; null: nothing. */
  readonly outcome: string | null
}

export interface ExplainedStep {
  readonly name: string
  readonly type: string
  /** In words. */
  readonly what: string
  /** Of a block step. */
  readonly suspects: readonly ExplainedSuspect[]
}

export interface ExplainedSuspect {
  readonly suspect: string
  /** What would be banned, or is refused; null: no address. */
  readonly address: string | null
  /** Every guard that is asked, in order; the one that says no is the last. */
  readonly guards: readonly { readonly guard: Refusal; readonly refuses: boolean; readonly detail: string }[]
  /** null: it is banned. */
  readonly refusal: Refusal | null
  /** The ban as it would stand, in words: offence, length; '' where it is refused. */
  readonly ban: string
}

export interface ExplainedEdge {
  readonly edge: string
  /** Our rule's expression as it stands; null: there is no rule, or it cannot be read. */
  readonly before: string | null
  /** What would be written; null: nothing. */
  readonly after: string | null
  readonly used: number
  readonly limit: number
  /** Addresses of these alerts that would have no room. */
  readonly waiting: readonly string[]
  /** The state that keeps the edge from holding, and why; '' where there is none. */
  readonly problem: string
}

/** The guards that were asked of a suspect, from the refusal: they are asked in order, and the first no ends it. */
export function guardsAsked(
  order: readonly Refusal[],
  refused: { readonly refusal: Refusal; readonly detail: string } | null,
): ExplainedSuspect['guards'] {
  const end = refused === null ? order.length : order.indexOf(refused.refusal) + 1
  return order
    .slice(0, end)
    .map((guard) =>
      guard === refused?.refusal
        ? { guard, refuses: true, detail: refused.detail }
        : { guard, refuses: false, detail: '' },
    )
}
