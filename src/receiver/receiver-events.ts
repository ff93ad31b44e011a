/** What became of one delivery: a label of `portcullis_webhooks_total`. */
export type WebhookResult =
  | 'accepted'
  | 'empty'
  | 'invalid'
  | 'not-json'
  | 'template-error'
  | 'unrendered'
  | 'no-alerts'
  | 'unauthorized'
  | 'rate-limited'
  | 'too-large'
  | 'unsupported'
  | 'queue-full'
  | 'store-down'
  | 'failed'
  | 'not-found'

export interface WebhookCounts {
  readonly accepted: number
  readonly duplicates: number
  readonly unmatched: number
  readonly invalid: number
  readonly skipped: number
}

export interface Incomplete {
  /** How many alerts Kibana counted, and how many of them the body held. */
  readonly total: number
  readonly arrived: number
  /** The rule's name, else its id, else ''. */
  readonly rule: string
}

/** None of these may throw. `detail` is text for people, partly chosen by the sender. */
export interface ReceiverEvents {
  webhook(result: WebhookResult, details: { readonly counts: WebhookCounts | null; readonly detail: string }): void
  incomplete(details: Incomplete): void
}
