import { type Alerts, createAlerts } from './elasticsearch-alerts.ts'
import { type AccessLog, countLogs } from './elasticsearch-logs.ts'
import { createPits, type Pits } from './elasticsearch-pit.ts'
import { UnknownQuery } from './elasticsearch-query.ts'
import { type ElasticState, failure, search } from './elasticsearch-search.ts'
import { updateByQuery } from './elasticsearch-update.ts'
import { type Answer, type Call, startServer, type WorldServer } from './world-server.ts'

export interface ElasticsearchOptions {
  /** Absent: a free one. */
  readonly port?: number
  readonly latencyMs?: number
  /** Absent: `8.19.0`. */
  readonly version?: string
  /** Encoded API keys and their index privileges; absent: one, `elastic-key`, with read, write and maintenance. */
  readonly apiKeys?: Readonly<Record<string, readonly string[]>>
  /** Spaces that have an index of alerts; absent: `default`. */
  readonly spaces?: readonly string[]
  readonly alerts?: Alerts
}

export interface SimulatedElasticsearch extends WorldServer {
  /** What `ELASTICSEARCH_URL` is set to. */
  readonly url: string
  /** The first API key. */
  readonly apiKey: string
  readonly apiKeys: Map<string, readonly string[]>
  readonly alerts: Alerts
  readonly manners: { latencyMs: number; version: string }
  /** The next updates by query find each of these alerts changed by somebody else, so many times. */
  conflict(id: string, times?: number): void
  readonly spaces: Set<string>
  /** How many points in time are open. */
  openPits(): number
  /** What `logs-*` holds. */
  readonly logs: AccessLog[]
}

/** A cluster that holds detection alerts, as far as a responder sees it. */
export async function startElasticsearch(options: ElasticsearchOptions = {}): Promise<SimulatedElasticsearch> {
  const apiKeys = new Map(Object.entries(options.apiKeys ?? { 'elastic-key': ['read', 'write', 'maintenance'] }))
  const manners = { latencyMs: options.latencyMs ?? 0, version: options.version ?? '8.19.0' }
  const state: ElasticState = {
    alerts: options.alerts ?? createAlerts(),
    spaces: new Set(options.spaces ?? ['default']),
    conflicts: new Map(),
  }
  const pits = createPits()
  const logs: AccessLog[] = []
  const server = await startServer({
    port: options.port,
    latencyMs: () => manners.latencyMs,
    rateLimited: (retryAfter) => ({
      ...failure(429, 'es_rejected_execution_exception', 'rejected execution of coordinating operation'),
      headers: { ...PRODUCT, ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }) },
    }),
    handle(call) {
      const key = /^ApiKey (.+)$/.exec(call.headers.authorization ?? '')?.[1] ?? ''
      const answer = answerTo({ ...state, logs }, pits, manners.version, call, apiKeys.get(key) ?? null)
      return { ...answer, headers: { ...PRODUCT, ...answer.headers } }
    },
  })
  return {
    ...server,
    url: server.origin,
    apiKey: [...apiKeys.keys()][0] ?? '',
    apiKeys,
    alerts: state.alerts,
    manners,
    conflict: (id, times = 1) => void state.conflicts.set(id, times),
    openPits: pits.count,
    logs,
    spaces: state.spaces,
  }
}

/** Clients of Elastic refuse to talk to a server without it. */
const PRODUCT = { 'x-elastic-product': 'Elasticsearch' }

function answerTo(
  state: ElasticState & { readonly logs: readonly AccessLog[] },
  pits: Pits,
  version: string,
  call: Call,
  privileges: readonly string[] | null,
): Answer {
  if (!privileges) return failure(401, 'security_exception', 'unable to authenticate with provided credentials')
  try {
    return route(state, pits, version, call, privileges)
  } catch (error) {
    if (error instanceof UnknownQuery) return failure(400, 'parsing_exception', error.message)
    if (error instanceof SyntaxError) return failure(400, 'x_content_parse_exception', error.message)
    throw error
  }
}

function route(
  state: Parameters<typeof answerTo>[0],
  pits: Pits,
  version: string,
  call: Call,
  privileges: readonly string[],
): Answer {
  const body: Record<string, unknown> = call.body === '' ? {} : JSON.parse(call.body)
  if (call.path === '/') return { status: 200, body: info(version) }
  if (call.path === '/_security/user/_has_privileges') return hasPrivileges(body, privileges)
  if (call.path === '/_search' && body.pit !== undefined) return pits.search(body)
  if (call.path === '/_pit' && call.method === 'DELETE') return pits.close(body)
  const [, names = '', operation] = /^\/([^/]+)(?:\/(_update_by_query|_search|_pit))?$/.exec(call.path) ?? []
  const spaces = spacesOf(state, decodeURIComponent(names))
  if (names === '' || names.startsWith('_'))
    return failure(400, 'illegal_argument_exception', `no handler for ${call.path}`)
  const needed = operation === '_update_by_query' ? ['read', 'write'] : ['read']
  const missing = needed.find((privilege) => !privileges.includes(privilege))
  if (missing)
    return failure(403, 'security_exception', `action is unauthorized for API key, missing [${missing}] on [${names}]`)
  if (operation === '_search' && names.startsWith('logs-'))
    return countLogs(state.logs, decodeURIComponent(names), body)
  if (spaces.length === 0 && call.query.get('ignore_unavailable') !== 'true') {
    if (call.method === 'HEAD') return { status: 404, body: null }
    return failure(404, 'index_not_found_exception', `no such index [${names}]`)
  }
  if (call.method === 'HEAD') return { status: 200, body: null }
  if (operation === '_pit') return pits.open(state, spaces)
  if (operation === '_search') return { status: 200, body: search(state, spaces, body) }
  if (operation === '_update_by_query') return updateByQuery(state, spaces, body, call.query)
  return failure(405, 'illegal_argument_exception', `Incorrect HTTP method for uri [${call.path}]`)
}

function info(version: string): Record<string, unknown> {
  return {
    name: 'simulated',
    cluster_name: 'simulated',
    cluster_uuid: 'c0ffee',
    version: {
      number: version,
      build_flavor: 'default',
      lucene_version: '9.12.2',
      minimum_wire_compatibility_version: '7.17.0',
    },
    tagline: 'You Know, for Search',
  }
}

/** Aliases and wildcards to spaces. */
function spacesOf(state: ElasticState, names: string): string[] {
  return [...state.spaces].filter((space) =>
    names.split(',').some((name) => {
      const pattern = new RegExp(`^${name.replaceAll('.', '\\.').replaceAll('*', '.*')}$`)
      return (
        pattern.test(`.alerts-security.alerts-${space}`) ||
        pattern.test(`.internal.alerts-security.alerts-${space}-000001`)
      )
    }),
  )
}

function hasPrivileges(body: Record<string, unknown>, privileges: readonly string[]): Answer {
  const index: Record<string, Record<string, boolean>> = {}
  for (const asked of (body.index ?? []) as { names: string | string[]; privileges: string[] }[])
    for (const name of [asked.names].flat())
      index[name] = Object.fromEntries(asked.privileges.map((each) => [each, privileges.includes(each)]))
  const all = Object.values(index).every((each) => Object.values(each).every(Boolean))
  return { status: 200, body: { username: 'portcullis', has_all_requested: all, cluster: {}, index, application: {} } }
}
