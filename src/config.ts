import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { type Environment, type Problem, readVariables } from './config-environment.ts'
import * as formats from './config-formats.ts'

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
    /** Where bans are written: into the rule of each zone, or into an IP list of the account that a rule of each zone names. */
    readonly target: 'rule' | 'list'
    /** 32 hex digits; null only where `target` is `rule`. */
    readonly accountId: string | null
    readonly list: string
    /** false: the rule that names the list belongs to somebody else and is never written. */
    readonly manageRule: boolean
  }
  readonly elastic: {
    readonly elasticsearch: { readonly url: string; readonly apiKey: string } | null
    readonly kibana: { readonly url: string; readonly apiKey: string } | null
    readonly spaces: readonly string[]
    readonly caFile: string | null
  }
  readonly catchUp: {
    /** Milliseconds; 0: off. */
    readonly everyMs: number
    /** Names or ids of rules beside those that playbooks name. */
    readonly rules: readonly string[]
  }
  /** Where messages for people go, and their Liquid template; null: nowhere. The URL may hold a secret. */
  readonly notify: { readonly url: string; readonly body: string } | null
  /** May hold a secret. */
  readonly heartbeatUrl: string | null
  /** As given: addresses, CIDRs, host names, `self`. */
  readonly allowlist: readonly string[]
  readonly allowDocumentationRanges: boolean
  /** What http steps may call inside the own network: addresses, CIDRs, host names. */
  readonly httpPrivateTargets: readonly string[]
  readonly maxBansPerHour: number
  readonly maxAlertAgeMs: number
  readonly giveUpAfterMs: number
  readonly releaseForMs: number
  readonly offenceMemoryMs: number
  readonly historyForMs: number
  /** null: for ever. */
  readonly adoptForMs: number | null
  readonly logLevel: string
  readonly logFormat: 'ecs' | 'pretty'
  /** NO_COLOR is set: nothing is coloured. */
  readonly noColour: boolean
  /** For calls to the outside, as HTTPS_PROXY, HTTP_PROXY and NO_PROXY say; null: none. */
  readonly proxy: { readonly https: string | null; readonly http: string | null; readonly no: string | null } | null
}

export interface Secret {
  readonly name: string
  readonly value: string
}

/** The environment is not usable. The message names everything that is wrong with it, and no secret. */
export class ConfigError extends Error {
  override name = 'ConfigError'
  readonly problems: readonly Problem[]
  constructor(problems: readonly Problem[]) {
    const width = Math.max(...problems.map(({ name }) => name.length))
    const lines = problems.map(({ name, message }) => `  ${name.padEnd(width)}  ${message}`)
    super(['Configuration is not usable:', ...lines].join('\n'))
    this.problems = problems
  }
}

/** The environment of this process, completed by `.env` where there is one; what is really set wins. */
export function processEnvironment(dotenv = '.env'): NodeJS.ProcessEnv {
  const real = process.env
  const written = Object.entries(parseEnv(readIfThere(dotenv)))
  // NAME and NAME_FILE are two ways to set the same thing.
  const isSet = (name: string) => [name, `${name}_FILE`, name.replace(/_FILE$/, '')].some((key) => key in real)
  const completed = { ...Object.fromEntries(written.filter(([name]) => !isSet(name))), ...real }
  // undici reads the proxies from the process itself, and would not see those that only .env names.
  for (const name of PROXIES) if (completed[name] !== undefined) process.env[name] = completed[name]
  return completed
}

const PROXIES = ['HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY', 'https_proxy', 'http_proxy', 'no_proxy']

/** Throws a ConfigError that lists all problems. `readFile` reads the files that `NAME_FILE` variables name. */
export function readConfig(env: Environment, readFile: (path: string) => string = readText): Config {
  const { config, problems } = configForCheck(env, readFile)
  if (problems.length > 0) throw new ConfigError(problems)
  return config
}

/**
 * The configuration as far as it can be read: what is wrong or missing has its default, and is '' or empty where there is
 * none. For `portcullis check`, which goes on to try the rest.
 */
export function configForCheck(
  env: Environment,
  readFile: (path: string) => string = readText,
): { readonly config: Config; readonly problems: readonly Problem[] } {
  const { values, problems } = readVariables(env, readFile)
  const text = (name: string) => values.get(name) ?? ''
  function as<T>(name: string, parse: (text: string) => T | undefined): T
  function as<T, U>(name: string, parse: (text: string) => T | undefined, absent: U): T | U
  function as<T, U>(name: string, parse: (text: string) => T | undefined, absent?: U): T | U {
    const value = values.has(name) ? parse(text(name)) : undefined
    return value === undefined ? (absent as U) : value
  }
  const service = (name: string) => {
    const url = as(`${name}_URL`, formats.parseHttpUrl, null)
    const apiKey = as(`${name}_API_KEY`, formats.parseSecret, null)
    return url === null || apiKey === null ? null : { url, apiKey }
  }
  const config: Config = {
    port: as('PORT', formats.parsePort),
    host: text('HOST'),
    opsPort: as('OPS_PORT', formats.parsePort),
    opsHost: text('OPS_HOST'),
    webhookSecrets: as('WEBHOOK_SECRET', formats.parseSecrets, []),
    opsTokens: as('OPS_TOKEN', formats.parseSecrets, []),
    opsReadTokens: as('OPS_READ_TOKEN', formats.parseSecrets, []),
    receiver: as('RECEIVER', formats.parseSwitch),
    trustProxy: as('TRUST_PROXY', formats.parseProxies, null),
    bodyLimit: as('BODY_LIMIT', formats.parseSize),
    queueLimit: as('QUEUE_LIMIT', formats.parseCount),
    store: as('STORE_URL', formats.parseStore),
    dataDir: text('DATA_DIR'),
    mode: text('MODE') === 'observe' ? 'observe' : 'enforce',
    playbooksDir: text('PLAYBOOKS_DIR'),
    cloudflare: {
      apiToken: text('CLOUDFLARE_API_TOKEN'),
      apiUrl: as('CLOUDFLARE_API_URL', formats.parseHttpUrl),
      zones: as('CLOUDFLARE_ZONE_ID', formats.parseZones, []),
      rule: text('CLOUDFLARE_RULE'),
      action: text('CLOUDFLARE_RULE_ACTION'),
      expressionLimit: as('CLOUDFLARE_EXPRESSION_LIMIT', formats.parseExpressionLimit),
      maxRules: as('CLOUDFLARE_MAX_RULES', formats.parseCount),
      target: text('CLOUDFLARE_TARGET') === 'list' ? 'list' : 'rule',
      accountId: as('CLOUDFLARE_ACCOUNT_ID', formats.parseId, null),
      list: text('CLOUDFLARE_LIST'),
      manageRule: as('CLOUDFLARE_MANAGE_RULE', formats.parseSwitch),
    },
    elastic: {
      elasticsearch: service('ELASTICSEARCH'),
      kibana: service('KIBANA'),
      spaces: as('ELASTIC_SPACE', formats.parseSpaces),
      caFile: text('ELASTIC_CA_FILE') || null,
    },
    catchUp: {
      everyMs: as('CATCH_UP_EVERY', formats.parseInterval),
      rules: as('CATCH_UP_RULES', formats.parseRules, []),
    },
    notify: values.has('NOTIFY_URL') ? { url: text('NOTIFY_URL'), body: text('NOTIFY_BODY') } : null,
    heartbeatUrl: text('HEARTBEAT_URL') || null,
    allowlist: as('ALLOWLIST', formats.parseAllowlist, []),
    allowDocumentationRanges: as('ALLOW_DOCUMENTATION_RANGES', formats.parseSwitch),
    httpPrivateTargets: as('HTTP_PRIVATE_TARGETS', formats.parseTargets, []),
    maxBansPerHour: as('MAX_BANS_PER_HOUR', formats.parseCount),
    maxAlertAgeMs: as('MAX_ALERT_AGE', formats.parseLimitedDuration),
    giveUpAfterMs: as('GIVE_UP_AFTER', formats.parseLimitedDuration),
    releaseForMs: as('RELEASE_FOR', formats.parseLimitedDuration),
    offenceMemoryMs: as('OFFENCE_MEMORY', formats.parseLimitedDuration),
    historyForMs: as('HISTORY_FOR', formats.parseLimitedDuration),
    adoptForMs: as('ADOPT_FOR', formats.parseEndlessDuration),
    logLevel: text('LOG_LEVEL'),
    logFormat: text('LOG_FORMAT') === 'pretty' ? 'pretty' : 'ecs',
    noColour: (env.NO_COLOR ?? '') !== '',
    proxy: proxyOf(env),
  }
  return { config, problems: [...problems, ...betweenVariables(config, values, problems)] }
}

function betweenVariables(config: Config, values: ReadonlyMap<string, string>, known: readonly Problem[]): Problem[] {
  const problems: Problem[] = []
  if (config.receiver && config.port !== 0 && config.port === config.opsPort)
    problems.push({ name: 'OPS_PORT', message: `must differ from PORT (both are ${config.port})` })
  const ops = new Set(config.opsTokens.map(({ value }) => value))
  if (config.opsReadTokens.some(({ value }) => ops.has(value)))
    problems.push({ name: 'OPS_READ_TOKEN', message: 'must differ from OPS_TOKEN, which may do everything' })
  if (config.webhookSecrets.some(({ value }) => ops.has(value)))
    problems.push({ name: 'WEBHOOK_SECRET', message: 'must differ from OPS_TOKEN, which may do everything' })
  const { target, accountId, manageRule } = config.cloudflare
  if (target === 'list' && accountId === null && !known.some(({ name }) => name === 'CLOUDFLARE_ACCOUNT_ID'))
    problems.push({ name: 'CLOUDFLARE_ACCOUNT_ID', message: 'is required with CLOUDFLARE_TARGET=list' })
  if (target === 'rule' && !manageRule)
    problems.push({
      name: 'CLOUDFLARE_MANAGE_RULE',
      message: 'must be on with CLOUDFLARE_TARGET=rule: there the rule is all that bans are written to',
    })
  const isElasticSet = ['ELASTICSEARCH_URL', 'KIBANA_URL'].some(
    (name) => values.has(name) || known.some((problem) => problem.name === name),
  )
  if (!config.receiver && !isElasticSet)
    problems.push({
      name: 'ELASTICSEARCH_URL',
      message: 'is required with RECEIVER=off, or KIBANA_URL: alerts come from nowhere else',
    })
  if (!config.receiver && config.catchUp.everyMs === 0)
    problems.push({ name: 'CATCH_UP_EVERY', message: 'must not be 0 with RECEIVER=off: alerts come from nowhere else' })
  return problems
}

function proxyOf(env: Environment): Config['proxy'] {
  const either = (name: string) => env[name.toLowerCase()] || env[name] || null
  const proxy = { https: either('HTTPS_PROXY'), http: either('HTTP_PROXY'), no: either('NO_PROXY') }
  return proxy.https || proxy.http ? proxy : null
}

function readIfThere(path: string): string {
  try {
    return readText(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw new ConfigError([{ name: path, message: `cannot be read: ${(error as Error).message}` }])
  }
}

function readText(path: string): string {
  return readFileSync(path, 'utf8')
}
