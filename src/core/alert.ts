/** What arrived, translated once from Elastic's shape into ours; at most 8 kB as JSON. */
export interface Alert {
  /** `_id` of the alert document, equal to `kibana.alert.uuid`. */
  readonly id: string
  /** The concrete index it lies in, '' when the sender did not say. */
  readonly index: string
  readonly space: string
  readonly rule: {
    readonly id: string
    readonly ruleId: string
    readonly name: string
    readonly tags: readonly string[]
  }
  readonly severity: Severity | null
  /** When the event happened (`kibana.alert.original_time`), else when the alert was raised (`@timestamp`); ISO 8601. */
  readonly time: string | null
  /** `manual`: somebody ran the rule over the past, so the alert's own time says nothing about the event's. */
  readonly run: 'scheduled' | 'manual' | null
  /** True when `time` is the event's own (`kibana.alert.original_time`), not merely the alert's. */
  readonly eventTime: boolean
  /** The addresses as they arrived: hostile text, each at most 100 characters, at most 50 of them. */
  readonly suspects: readonly string[]
  /** A little of what the rule saw, for people: at most 20 entries, each at most 300 characters. */
  readonly evidence: Readonly<Record<string, string>>
}

export type Severity = 'low' | 'medium' | 'high' | 'critical'
