import type { Rule } from '../ports.ts'
import { createLimiter } from './cloudflare-limits.ts'
import { type AccountOptions, createAccount, type SimulatedAccount } from './cloudflare-list.ts'
import { isAboutAccounts, routeLists } from './cloudflare-list-routes.ts'
import { type Permission, route } from './cloudflare-routes.ts'
import { Refused } from './cloudflare-rules.ts'
import { createZone, type SimulatedZone, type ZoneOptions } from './cloudflare-zone.ts'
import { type Answer, type Call, startServer, type WorldServer } from './world-server.ts'

/** How the simulated Cloudflare behaves; every field may be changed while it runs. */
export interface CloudflareManners {
  latencyMs: number
  /** Requests of one token in so many seconds; over it, 429 until the window is over. */
  rateLimit: { requests: number; seconds: number }
  /** Characters of an expression. */
  expressionLimit: number
  /** `in {}` can be read. */
  emptySets: boolean
  /** `version`, `last_updated` and `categories` in a sent rule are refused. */
  refuseReadOnly: boolean
  /** `messages` of an answer is null, as old answers had it. */
  nullMessages: boolean
  /** The address from which all callers come as Cloudflare sees them: what `/cdn-cgi/trace` says. */
  callerAddress: string
}

export interface CloudflareOptions extends Partial<CloudflareManners> {
  /** Absent: a free one. */
  readonly port?: number
  /** Tokens and what they may; absent: one, `cloudflare-token`, that may everything. */
  readonly tokens?: Readonly<Record<string, readonly Permission[]>>
  /** Absent: one zone without an entry point. */
  readonly zones?: readonly ZoneOptions[]
  /** The account that the zones belong to; absent: one without lists. */
  readonly account?: AccountOptions
}

export interface SimulatedCloudflare extends WorldServer {
  /** What `CLOUDFLARE_API_URL` is set to. */
  readonly url: string
  /** The first token. */
  readonly token: string
  readonly tokens: Map<string, readonly Permission[]>
  readonly zones: readonly SimulatedZone[]
  /** With its lists. */
  readonly account: SimulatedAccount
  readonly manners: CloudflareManners
  /** A zone by its id or name; throws when there is none. */
  zone(idOrName: string): SimulatedZone
  /** Another client changes the rules: a new version. Throws what Cloudflare would refuse. */
  handEdit(zone: SimulatedZone | string, change: (rules: Rule[]) => readonly Record<string, unknown>[]): void
}

const EVERYTHING: readonly Permission[] = ['waf-read', 'waf-write', 'zone-read', 'lists-read', 'lists-write']

/** A Cloudflare of one account and a few zones, with the APIs for custom rules and for lists. */
export async function startCloudflare(options: CloudflareOptions = {}): Promise<SimulatedCloudflare> {
  const manners = mannersOf(options)
  const tokens = new Map(Object.entries(options.tokens ?? { 'cloudflare-token': EVERYTHING }))
  const zones: SimulatedZone[] = []
  const account = createAccount(options.account ?? {}, () =>
    zones.flatMap((each) => each.rules().map(({ expression }) => String(expression))),
  )
  const limits = () => ({ ...manners, listKind: (name: string) => account.list(name)?.kind ?? null })
  for (const each of options.zones ?? [{}]) zones.push(createZone(each, limits))
  const limiter = createLimiter(() => manners.rateLimit)
  const server = await startServer({
    port: options.port,
    latencyMs: () => manners.latencyMs,
    rateLimited: (retryAfter) => tooMany(manners, retryAfter),
    handle(call) {
      if (call.path === '/cdn-cgi/trace') return trace(manners.callerAddress)
      const token = /^Bearer (.+)$/.exec(call.headers.authorization ?? '')?.[1] ?? null
      const limit = limiter.take(token ?? '')
      if (limit.retryAfter !== null) return { ...tooMany(manners, limit.retryAfter, limit.headers) }
      const answer = answerTo({ tokens, zones, account, manners }, call, token)
      return { ...answer, headers: { ...limit.headers, ...answer.headers } }
    },
    onArrival: (call) => trackPut(zones, call),
  })
  const zone = (idOrName: string): SimulatedZone => {
    const found = zones.find((each) => each.id === idOrName || each.name === idOrName)
    if (!found) throw new Error(`The simulated Cloudflare has no zone ${idOrName}`)
    return found
  }
  return {
    ...server,
    url: `${server.origin}/client/v4`,
    token: [...tokens.keys()][0] ?? '',
    tokens,
    zones,
    account,
    manners,
    zone,
    handEdit(which, change) {
      const edited = typeof which === 'string' ? zone(which) : which
      edited.replace(change(edited.rules()))
    },
  }
}

function mannersOf(options: CloudflareOptions): CloudflareManners {
  return {
    latencyMs: options.latencyMs ?? 0,
    rateLimit: options.rateLimit ?? { requests: 1200, seconds: 300 },
    expressionLimit: options.expressionLimit ?? 4096,
    emptySets: options.emptySets ?? true,
    refuseReadOnly: options.refuseReadOnly ?? false,
    nullMessages: options.nullMessages ?? false,
    callerAddress: options.callerAddress ?? '192.0.2.80',
  }
}

/** Lines of `key=value`, for whoever asks from which address he comes; no call of the API. */
function trace(address: string): Answer {
  const lines = ['fl=1f1', 'h=api.cloudflare.com', `ip=${address}`, `ts=${Date.now() / 1000}`, 'visit_scheme=https']
  return { status: 200, headers: { 'content-type': 'text/plain' }, body: `${lines.join('\n')}\n` }
}

function answerTo(
  world: {
    readonly tokens: Map<string, readonly Permission[]>
    readonly zones: readonly SimulatedZone[]
    readonly account: SimulatedAccount
    readonly manners: CloudflareManners
  },
  call: Call,
  token: string | null,
): Answer {
  const messages = world.manners.nullMessages ? null : []
  try {
    const asked = { ...world, permissions: token === null ? null : (world.tokens.get(token) ?? null) }
    if (isAboutAccounts(call.path))
      return { status: 200, body: { ...routeLists(asked, call), success: true, errors: [], messages } }
    const result = route(asked, call)
    if (result === undefined) return { status: 204, body: null }
    return { status: 200, body: { result, success: true, errors: [], messages } }
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    const source = error.pointer === undefined ? {} : { source: { pointer: error.pointer } }
    const errors = [{ code: error.code, message: error.message, ...source }]
    return { status: error.status, body: { result: null, success: false, errors, messages } }
  }
}

function tooMany(
  manners: CloudflareManners,
  retryAfter?: number,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  const { requests, seconds } = manners.rateLimit
  const message = `More than ${requests} requests per ${seconds} seconds reached. Please wait and consider throttling your request speed`
  return {
    status: 429,
    headers: { ...headers, ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }) },
    body: { result: null, success: false, errors: [{ code: 10100, message }], messages: [] },
  }
}

/** Counts PUTs of a zone that overlap, from arrival to answer; answers what to call when this one is over. */
function trackPut(zones: readonly SimulatedZone[], call: Call): () => void {
  const zone = call.method === 'PUT' ? zones.find((each) => call.path.includes(`/zones/${each.id}/`)) : undefined
  if (!zone || call.query.get('dry_run') === 'true') return () => undefined
  if (zone.putsUnderWay > 0) zone.overlappingPuts += 1
  zone.putsUnderWay += 1
  return () => {
    zone.putsUnderWay -= 1
  }
}
