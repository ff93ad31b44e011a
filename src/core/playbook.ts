/** A playbook as read from YAML and checked against `schemas/playbook.schema.json`. */
export interface Playbook {
  readonly name: string
  readonly description: string
  readonly enabled: boolean
  /** `observe`: decides and reports, starts nothing new. */
  readonly mode: 'enforce' | 'observe'
  readonly triggers: readonly Trigger[]
  readonly consts: Readonly<Record<string, unknown>>
  readonly steps: readonly Step[]
  /** File name within PLAYBOOKS_DIR. */
  readonly file: string
  /** SHA-256 of the text, hex: names the text in the store. */
  readonly hash: string
}

export interface Trigger {
  /** Rule names or ids (`kibana.alert.rule.rule_id` or `.uuid`); empty: any. */
  readonly rules: readonly string[]
  /** Any of these rule tags; empty: any. */
  readonly tags: readonly string[]
  readonly severity: readonly string[]
}

interface StepBase {
  readonly name: string
  /** A Liquid condition; null: always. */
  readonly if: string | null
  readonly onFailure: { readonly continue: boolean; readonly retry: RetryPolicy | null }
}

/** After so many attempts, so far apart, a failing step is given up; null: `GIVE_UP_AFTER` alone decides. */
export interface RetryPolicy {
  readonly maxAttempts: number
  readonly delayMs: number
}

export interface BlockStep extends StepBase {
  readonly type: 'cloudflare.block'
  /** Milliseconds of the first, second, … ban; null: for ever. The last repeats. */
  readonly durations: readonly (number | null)[]
  /** Names of edges; null: all. */
  readonly zones: readonly string[] | null
}

export interface StatusStep extends StepBase {
  readonly type: 'security.setAlertStatus'
  readonly status: 'open' | 'acknowledged' | 'closed'
}

export interface HttpStep extends StepBase {
  readonly type: 'http'
  /** Liquid templates, rendered with `event`, `consts` and `steps`. */
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** A string is a template; anything else is sent as JSON with its strings rendered; null: no body. */
  readonly body: unknown
}

export type Step = BlockStep | StatusStep | HttpStep
