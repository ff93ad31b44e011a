import type { Alert } from './core/alert.ts'
import type { Notice } from './core/notice.ts'
import type { Rule } from './core/rules.ts'

/* What the pipeline needs of the world. Each port has a contract suite in test/contracts. */

// ---- durable records -------------------------------------------------------------------------

/** The kinds of record in the ledger; `history` is the one that is read in the order of its ids. */
export const COLLECTIONS = [
  'bans',
  'edges',
  'epochs',
  'leases',
  'outcomes',
  'released',
  'offences',
  'allowlist',
  'playbooks',
  'parked',
  'settings',
  'history',
] as const
export type Collection = (typeof COLLECTIONS)[number]

export interface Stored<T> {
  readonly id: string
  /** Grows with every write in the whole store and never comes back: a record removed and made anew differs. */
  readonly rev: number
  readonly doc: T
}

export interface Change {
  /** Each of these must still be at this revision (0: absent), or nothing at all is written. */
  readonly expect?: readonly { readonly collection: Collection; readonly id: string; readonly rev: number }[]
  /** `expires`: when the record may be forgotten (see `purge`); absent: never. */
  readonly put?: readonly {
    readonly collection: Collection
    readonly id: string
    readonly doc: unknown
    readonly expires?: Date | null
  }[]
  readonly remove?: readonly { readonly collection: Collection; readonly id: string }[]
}

/** JSON documents with revisions, changed together or not at all. Every failure is a StoreError. */
export interface Records {
  /** Those of the ids that exist. */
  get<T>(collection: Collection, ids: readonly string[]): Promise<Map<string, Stored<T>>>
  all<T>(collection: Collection): Promise<Stored<T>[]>
  count(collection: Collection): Promise<number>
  /** Newest first, by id, strictly before `before`; `history` only. */
  recent<T>(collection: 'history', options: { before?: string; limit: number }): Promise<Stored<T>[]>
  /** True when written (durably), false when an expectation did not hold: read again, decide again. */
  commit(change: Change): Promise<boolean>
  /** Forgets what has expired; answers how many. */
  purge(now: Date): Promise<number>
  ping(): Promise<void>
  close(): Promise<void>
}

// ---- the queue -------------------------------------------------------------------------------

/** What one alert's job carries: no secret, at most some 10 kB. */
export interface JobData {
  readonly alert: Alert
  /** The playbook it was accepted under: its text lies in the store under this hash. */
  readonly playbook: { readonly name: string; readonly hash: string }
  readonly wantsBlock: boolean
  /** ISO 8601; a replay starts it afresh. */
  readonly acceptedAt: string
  /** Outputs of finished steps, by step name. */
  readonly checkpoints: Readonly<Record<string, unknown>>
  /** How often unfinished steps have failed, by step name: of those whose attempts are limited. */
  readonly failures?: Readonly<Record<string, number>>
  /** When it was taken up again: an outcome from before does not stop it. */
  readonly reopenedAt?: string
  /** Set by a replay: it is not refused as too old. */
  readonly replay?: { readonly at: string; readonly by: string }
  /** Why it waits, for people who look at the queue. */
  readonly waiting?: string
}

export interface Job {
  readonly id: string
  readonly data: JobData
  /** Failures so far. */
  readonly attempts: number
  save(data: JobData): Promise<void>
}

/** What became of one run of a job. A thrown error is a failed attempt, tried again later; a PermanentError ends it as failed. */
export type Ran =
  | { readonly kind: 'done'; readonly outcome: string }
  /** Run again when woken, at the latest after `ms`; spends no attempt. */
  | { readonly kind: 'park'; readonly ms: number; readonly reason: string }

export interface Queue {
  /** Durable when it resolves. Ids that are still stored, in whatever state, are left as they are. */
  add(jobs: readonly { id: string; data: JobData }[]): Promise<void>
  /**
   * Runs stored jobs again in place, with new data: finished ones, and parked ones at once. Answers of each id for which there is a
   * job whether it does; false: it is at work, or its turn is to come, with the data that it had.
   */
  rerun(jobs: readonly { id: string; data: JobData }[]): Promise<ReadonlyMap<string, boolean>>
  read(id: string): Promise<{ state: string; data: JobData } | null>
  /** Parked jobs among these run at once, also those that park at this very moment. */
  wake(ids: readonly string[]): Promise<void>
  work(run: (job: Job) => Promise<Ran>): void
  /** Jobs by state: waiting, active, delayed, completed, failed. */
  counts(): Promise<Record<string, number>>
  /** Waits for running jobs, at most this long; what still runs is taken up again by the next start. */
  close(graceMs: number): Promise<void>
}

// ---- the edge --------------------------------------------------------------------------------

export type { Rule }

export interface Ruleset {
  readonly id: string
  readonly version: number
  readonly rules: readonly Rule[]
}

/** One zone's entry point of custom rules. Failures: RefusedError('cloudflare'), RetryLaterError, PermanentError, Error. */
export interface Edge {
  /** The zone's name in our configuration, else its id. */
  readonly name: string
  /** null: there is no entry point yet. */
  read(): Promise<Ruleset | null>
  /** One kept version; null when Cloudflare no longer has it. */
  version(version: number): Promise<Ruleset | null>
  /** Replaces all rules, creating the entry point where it is missing. Never sent twice by itself; times out after 10 s. */
  write(rules: readonly Rule[]): Promise<Ruleset>
  /** These rules as `read` would show them once written, where that is not as they are. */
  shown?(rules: readonly Rule[]): readonly Rule[]
  /** Characters for our rule's expression at this time, where that is not the configured limit. */
  limit?(): number
  /** Asks Cloudflare whether these rules would be taken, changing nothing. */
  dryRun(rules: readonly Rule[]): Promise<void>
}

// ---- the SIEM --------------------------------------------------------------------------------

export interface Mark {
  readonly id: string
  readonly space: string
  /** null: the status stays. `acknowledged` and `closed` change open alerts only; `open` only alerts that carry our tag. */
  readonly status: 'open' | 'acknowledged' | 'closed' | null
  /** The word after `portcullis:`; it replaces any earlier tag of ours. */
  readonly tag: string
}

/**
 * `done`: it stands as asked (also when it did before) · `closed`: a person closed it, left alone · `changed`: it has another
 * status than the one we may change, left alone · `unknown`: no such alert.
 */
export type Marked = 'done' | 'closed' | 'changed' | 'unknown'

/** Where alerts live. Failures: RefusedError('elastic'), RetryLaterError, Error. */
export interface Siem {
  mark(marks: readonly Mark[]): Promise<Map<string, Marked>>
  /** Throws what keeps us from working. */
  probe(): Promise<void>
}

export interface OpenQuery {
  readonly space: string
  /** Names, or ids of either kind (`rule_id`, `uuid`). */
  readonly rules: readonly string[]
  /** Raised or updated since. */
  readonly since: Date
  /** Words after `portcullis:`; alerts that carry one of these tags are left out. */
  readonly without: readonly string[]
}

/** Open alerts, building blocks and those of maintenance windows left out. Failures: RefusedError('elastic'), RetryLaterError, Error. */
export interface OpenAlerts {
  /** Page by page, oldest first, each alert as Elasticsearch answers a search: `_id`, `_index`, `_source`. */
  open(query: OpenQuery): AsyncIterable<readonly unknown[]>
}

export interface PastQuery {
  readonly space: string
  /** Names, or ids of either kind; null: every rule. */
  readonly rules: readonly string[] | null
  /** Raised since. */
  readonly since: Date
  /** False: only what an alert is decided by is read. */
  readonly evidence: boolean
}

/** Alerts of any status; else as OpenAlerts. */
export interface PastAlerts {
  past(query: PastQuery): AsyncIterable<readonly unknown[]>
}

// ---- messages to people ----------------------------------------------------------------------

/** Sends one message. Failures: RetryLaterError, PermanentError, Error; none of them holds a secret. */
export interface Notifier {
  send(notice: Notice): Promise<void>
}

// ---- calls to anywhere -----------------------------------------------------------------------

export interface HttpRequest {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
}

/** For http steps: one call, at most 64 kB of the answer kept. 401/403 throw RefusedError(`host:<name>`), other 4xx PermanentError. */
export interface Http {
  call(request: HttpRequest): Promise<{ status: number; body: unknown }>
}

// ---- time and chance -------------------------------------------------------------------------

export interface Clock {
  now(): Date
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** The shared budget of API calls: resolves when one call may be made. */
export interface Budget {
  take(): Promise<void>
  /** Closed for everybody until then. */
  close(until: Date): Promise<void>
}
