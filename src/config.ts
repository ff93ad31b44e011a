/** Everything that can be set from outside, read once, at start. `readConfig` is the only reader of the environment. */
export interface Config {
  readonly port: number
  readonly host: string
  readonly opsPort: number
  readonly opsHost: string
  /** `name` is '' where the holder is not named. */
  readonly webhookSecrets: readonly Secret[]
  readonly opsTokens: readonly Secret[]
  readonly opsReadTokens: readonly Secret[]
  readonly receiver: boolean
  /** Express's `trust proxy`: addresses or CIDRs of reverse proxies; null: none. */
  readonly trustProxy: readonly string[] | null
  readonly bodyLimit: number
  readonly queueLimit: number
  readonly store: { readonly kind: 'embedded' } | { readonly kind: 'redis' | 'postgres'; readonly url: string }
  readonly dataDir: string
  readonly mode: 'enforce' | 'observe'
  readonly playbooksDir: string
  readonly cloudflare: {
    readonly apiToken: string
    readonly apiUrl: string
    readonly zones: readonly { readonly name: string; readonly id: string }[]
    /** The description that names our rule. */
    readonly rule: string
    readonly action: string
    readonly expressionLimit: number
    readonly maxRules: number
  }
  readonly elastic: {
    readonly elasticsearch: { readonly url: string; readonly apiKey: string } | null
    readonly kibana: { readonly url: string; readonly apiKey: string } | null
    readonly spaces: readonly string[]
    readonly caFile: string | null
  }
  /** As given: addresses, CIDRs, host names, `self`. */
  readonly allowlist: readonly string[]
  readonly allowDocumentationRanges: boolean
  readonly maxBansPerHour: number
  readonly maxAlertAgeMs: number
  readonly giveUpAfterMs: number
  readonly releaseForMs: number
  /** null: for ever. */
  readonly adoptForMs: number | null
  readonly logLevel: string
  readonly logFormat: 'ecs' | 'pretty'
}

export interface Secret {
  readonly name: string
  readonly value: string
}
