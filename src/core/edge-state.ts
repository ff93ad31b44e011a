import type { Rule } from './rules.ts'

/** What the ledger knows of one edge. All times are ISO 8601. */
export interface EdgeState {
  /** The newest version that is accounted for; null before the first pass. */
  readonly base: Base | null
  /** PUTs of the last 24 h, the newest 50, oldest first: one may land late. */
  readonly attempts: readonly Attempt[]
  /** Others' changes that a PUT of ours overwrote and that are to be applied again. */
  readonly debts: readonly Debt[]
  /** How our terms came to be what they are: steps back from the base, oldest first. */
  readonly trail: readonly TrailStep[]
  /** Addresses that a stale copy or an accident took out, and when: a second time within the hour means it. */
  readonly takenOut: Readonly<Record<string, string>>
  /** Those of them that no version has shown since: who restores one has not made an entry of his own. */
  readonly awaited: readonly string[]
  /** Somebody else makes or adds to our rule as a Portcullis does: one with a store of its own, or who writes as we do. */
  readonly shared?: boolean
  /** When an emptied or deleted rule was last put back: once in 24 h. */
  readonly putBackAt: string | null
  readonly contested: Contest | null
  /** The list that our rule names by our will; `awaited`: somebody took that out, and it is to be put back. */
  readonly clause?: { readonly list: string; readonly awaited: boolean }
  readonly lastPass: PassMark | null
}

export interface Base {
  readonly rulesetId: string
  readonly version: number
  /** Our rule as Cloudflare last showed it, with its place; kept while it is missing and is to come back. */
  readonly rule: Rule | null
  readonly index: number
  /** Whether the rule is there in this version. */
  readonly present: boolean
  /** Canonical terms of our rule, ours and people's. */
  readonly terms: readonly string[]
  readonly rest: Rest
}

/** Digests of everything but our terms, to tell whether a later version changes anything else. */
export interface Rest {
  readonly others: string
  /** The clauses and fields of our rule; '' where it is missing. */
  readonly own: string
}

export interface Attempt {
  readonly id: string
  readonly at: string
  /** The version it had read; 0: there was no ruleset. */
  readonly read: number
  /** Names the rules sent; see `digestOf`. */
  readonly digest: string
  readonly adding: readonly string[]
  readonly removing: readonly string[]
  /** Ids of the debts that it pays. */
  readonly pays: readonly string[]
  /** The version it became; null: not known (yet). */
  readonly landed: number | null
}

/** One change to somebody else's rules, or to what a person owns of ours: its other fields, its clauses, whether it is there. */
export interface Debt {
  readonly id: string
  readonly change: RuleChange
}

export type RuleChange =
  | { readonly kind: 'add'; readonly rule: Rule; readonly after: string | null }
  | ({ readonly kind: 'change'; readonly key: string } & FieldChange)
  | { readonly kind: 'remove'; readonly key: string }
  | { readonly kind: 'move'; readonly key: string; readonly after: string | null }
  /** Fields of our rule beside its expression: `enabled`, `action`, … */
  | ({ readonly kind: 'own' } & FieldChange & ClauseChange)

export interface FieldChange {
  readonly fields: Readonly<Record<string, unknown>>
  readonly dropped: readonly string[]
}

export interface ClauseChange {
  readonly clausesGained: readonly string[]
  readonly clausesLost: readonly string[]
}

export interface TrailStep {
  readonly version: number
  readonly at: string
  readonly gained: readonly string[]
  readonly lost: readonly string[]
  /** Whether our rule was there. */
  readonly present: boolean
}

export interface Contest {
  readonly at: string
  /** Whether the rule itself was deleted: its return ends the contest. */
  readonly ruleGone: boolean
  readonly terms: readonly string[]
}

export interface PassMark {
  readonly at: string
  /** `ok`, or the state that keeps the edge from holding: `edge-disabled`, `edge-contested`, … */
  readonly state: string
  readonly detail: string
  /** Characters used and available, and how many bans wait for room. */
  readonly used: number
  readonly limit: number
  readonly waiting: number
}

export const NEW_EDGE: EdgeState = {
  base: null,
  attempts: [],
  debts: [],
  trail: [],
  takenOut: {},
  awaited: [],
  putBackAt: null,
  contested: null,
  lastPass: null,
}
