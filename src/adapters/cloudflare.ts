import type { Dispatcher } from 'undici'
import { RefusedError } from '../errors.ts'
import type { Budget, Edge, Rule, Ruleset } from '../ports.ts'
import { asObject, parseRuleset, wrong } from './cloudflare-answer.ts'
import { type CloudflareHttp, createCloudflareHttp } from './cloudflare-http.ts'
import { createDispatcher } from './http-dispatcher.ts'

export interface CloudflareZoneOptions {
  readonly apiUrl: string
  readonly token: string
  /** `name`: as in our configuration, '' where it has none there. */
  readonly zone: { readonly name: string; readonly id: string }
  readonly budget: Budget
  /** Told of every call that was sent; `failed`: no whole answer arrived. */
  readonly onCall?: (method: string, status: number | 'failed') => void
  /** Absent: one of its own that honours HTTPS_PROXY and NO_PROXY. */
  readonly dispatcher?: Dispatcher
  /** For one call, in milliseconds; absent: 10,000. */
  readonly timeoutMs?: number
}

export interface CloudflareZone extends Edge {
  /** Throws RefusedError when the token is not an active user token. Tokens owned by an account cannot be asked about here. */
  verifyToken(): Promise<void>
  /** The zone's domain; null when the token lacks "Zone Read", which nothing else needs. */
  zoneName(): Promise<string | null>
  /** Reads the rules and has Cloudflare check that it would take them back unchanged: what the token may, without a change. */
  probe(): Promise<Ruleset | null>
}

/** Custom rules' phase, run before managed rules and rate limits. */
const ENTRY_POINT = 'rulesets/phases/http_request_firewall_custom/entrypoint'
/** The fields of a rule that Cloudflare alone sets. */
const READ_ONLY = ['version', 'last_updated', 'categories']

/** One zone's custom rules over the Rulesets API. A write sends every rule, each with its id and ref, so that none becomes another. */
export function createCloudflareZone(options: CloudflareZoneOptions): CloudflareZone {
  const apiUrl = options.apiUrl.replace(/\/+$/, '')
  const dispatcher = options.dispatcher ?? createDispatcher(apiUrl)
  const http = createCloudflareHttp({ ...options, apiUrl, dispatcher })
  const zonePath = `/zones/${encodeURIComponent(options.zone.id)}`
  const path = `${zonePath}/${ENTRY_POINT}`
  const edge: Edge = {
    name: options.zone.name || options.zone.id,
    async read() {
      // Only this code says that there is no entry point. Any other 404 must not look like an empty zone: a write would wipe it.
      const absent = (answer: { status: number; codes: readonly number[] }): boolean =>
        answer.status === 404 && answer.codes.includes(10003)
      const answer = await http({ method: 'GET', path, absent })
      return answer && parseRuleset(answer.result)
    },
    async version(version) {
      // Nothing depends on old versions alone: who serves none, in whatever words, keeps none.
      const absent = ({ status }: { status: number }) => [404, 405, 501].includes(status)
      const answer = await http({ method: 'GET', path: `${path}/versions/${version}`, absent })
      return answer && parseRuleset(answer.result)
    },
    async write(rules) {
      const answer = await http({ method: 'PUT', path, body: { rules: rules.map(writable) } })
      return parseRuleset(answer?.result)
    },
    async dryRun(rules) {
      await http({ method: 'PUT', path: `${path}?dry_run=true`, body: { rules: rules.map(writable) } })
    },
  }
  return {
    ...edge,
    verifyToken: () => verifyToken(http),
    async zoneName() {
      const answer = await http({ method: 'GET', path: zonePath, absent: ({ status }) => status === 403 })
      if (!answer) return null
      const name = asObject(answer.result)?.name
      if (typeof name !== 'string') throw wrong('a zone without a name')
      return name
    },
    async probe() {
      const ruleset = await edge.read()
      await edge.dryRun(ruleset?.rules ?? [])
      return ruleset
    },
  }
}

function writable(rule: Rule): Record<string, unknown> {
  return Object.fromEntries(Object.entries(rule).filter(([name]) => !READ_ONLY.includes(name)))
}

async function verifyToken(http: CloudflareHttp): Promise<void> {
  const status = asObject((await http({ method: 'GET', path: '/user/tokens/verify' }))?.result)?.status
  if (status === 'active') return
  if (typeof status !== 'string') throw wrong('a token without a status')
  throw new RefusedError(
    'cloudflare',
    `The Cloudflare token is ${status.slice(0, 50)}; make a new CLOUDFLARE_API_TOKEN`,
  )
}
