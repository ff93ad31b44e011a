import type { Refusal } from './guards.ts'

/** What the playbooks would have done with the alerts of a past time, had they enforced from its beginning. Times are ISO 8601. */
export interface Past {
  /** What was asked, in words. */
  readonly against: string
  /** What must be known beside it. */
  readonly notes: readonly string[]
  readonly since: string
  readonly until: string
  readonly alerts: {
    readonly read: number
    /** Entries that cannot be read as alerts. */
    readonly invalid: number
    /** No playbook answers them. */
    readonly unanswered: number
    /** They name no address at all. */
    readonly withoutAddress: number
    /** They would have waited, open, for room. */
    readonly waited: number
  }
  /** Alerts by what would have become of them; `edge-full`: they would still wait. */
  readonly outcomes: Readonly<Record<string, number>>
  /** The most alerts first. */
  readonly rules: readonly PastRule[]
  readonly bans: {
    readonly total: number
    /** Of addresses that were banned before. */
    readonly repeated: number
    readonly peak: Peak
    /** The most often and the longest banned first. */
    readonly addresses: readonly PastBan[]
  }
  readonly edges: readonly PastRoom[]
  readonly quota: {
    /** MAX_BANS_PER_HOUR. */
    readonly limit: number
    /** The most new bans within one hour. */
    readonly peak: Peak
    readonly refusedAlerts: number
  }
  /** In the order in which the guards are asked. */
  readonly refused: readonly PastRefusal[]
}

/** The highest that something was, and when it first was; null: never above 0. */
export interface Peak {
  readonly count: number
  readonly at: string | null
}

export interface PastRule {
  readonly rule: string
  readonly alerts: number
  readonly outcomes: Readonly<Record<string, number>>
}

export interface PastBan {
  readonly address: string
  readonly bans: number
  /** All its bans together; null: one was for ever. */
  readonly totalMs: number | null
  /** The number of its last offence. */
  readonly offence: number
  /** Alerts that wanted it banned, those during a ban among them. */
  readonly alerts: number
  /** When its first and its last ban began. */
  readonly first: string
  readonly last: string
  /** At most ten. */
  readonly rules: readonly string[]
}

export interface PastRoom {
  readonly edge: string
  readonly unit: 'characters' | 'items'
  /** null: not known. */
  readonly limit: number | null
  readonly peak: Peak
  /** The most bans that waited for room at once. */
  readonly waiting: Peak
}

export interface PastRefusal {
  readonly refusal: Refusal
  readonly alerts: number
  /** How many different ones; from 10,000 on `more`. */
  readonly suspects: number
  readonly more: boolean
  /** The most frequent first, at most five. */
  readonly examples: readonly { readonly suspect: string; readonly alerts: number; readonly detail: string }[]
}
