import { type Alerts, STATUS, TAGS } from './elasticsearch-alerts.ts'
import { UnknownQuery } from './elasticsearch-query.ts'
import { type ElasticState, findAlerts, search } from './elasticsearch-search.ts'
import { runUpdate } from './elasticsearch-update.ts'
import { type Answer, type Call, startServer, type WorldServer } from './world-server.ts'

export interface KibanaOptions {
  /** Absent: a free one. */
  readonly port?: number
  readonly latencyMs?: number
  /** Encoded API keys; absent: one, `kibana-key`. */
  readonly apiKeys?: readonly string[]
  /** The alerts that a simulated Elasticsearch has, too. */
  readonly alerts: Alerts
  /** Spaces that there are; absent: `default`. */
  readonly spaces?: Set<string>
}

export interface SimulatedKibana extends WorldServer {
  /** What `KIBANA_URL` is set to. */
  readonly url: string
  readonly apiKey: string
  readonly alerts: Alerts
  readonly manners: { latencyMs: number }
  /** The next updates find this alert changed by somebody else, so many times. */
  conflict(id: string, times?: number): void
}

/** Kibana's API for detection alerts. */
export async function startKibana(options: KibanaOptions): Promise<SimulatedKibana> {
  const apiKeys = options.apiKeys ?? ['kibana-key']
  const manners = { latencyMs: options.latencyMs ?? 0 }
  const spaces = options.spaces ?? new Set(['default'])
  const state: ElasticState = { alerts: options.alerts, spaces, conflicts: new Map() }
  const server = await startServer({
    port: options.port,
    latencyMs: () => manners.latencyMs,
    rateLimited: (retryAfter) => ({
      ...failure(429, 'Too Many Requests'),
      ...(retryAfter === undefined ? {} : { headers: { 'retry-after': String(retryAfter) } }),
    }),
    handle(call) {
      const key = /^ApiKey (.+)$/.exec(call.headers.authorization ?? '')?.[1] ?? ''
      return answerTo(state, call, apiKeys.includes(key))
    },
  })
  return {
    ...server,
    url: server.origin,
    apiKey: apiKeys[0] ?? '',
    alerts: options.alerts,
    manners,
    conflict: (id, times = 1) => void state.conflicts.set(id, times),
  }
}

function answerTo(state: ElasticState, call: Call, known: boolean): Answer {
  if (call.path === '/api/status' && call.method === 'GET') return status(known)
  if (!known) return failure(401, 'Unauthorized')
  const [, space = 'default', route] =
    /^(?:\/s\/([^/]+))?\/api\/detection_engine\/signals\/(\w+)$/.exec(call.path) ?? []
  if (route === undefined || call.method !== 'POST') return failure(404, 'Not Found')
  if (!state.spaces.has(space)) return failure(404, 'Not Found')
  if (call.headers['kbn-xsrf'] === undefined) return failure(400, 'Request must contain a kbn-xsrf header.')
  try {
    const body = JSON.parse(call.body) as Record<string, unknown>
    if (route === 'status') return setStatus(state, space, body)
    if (route === 'tags') return setTags(state, space, body)
    if (route === 'search') return searchAlerts(state, space, body)
    return failure(404, 'Not Found')
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof UnknownQuery) return failure(400, error.message)
    throw error
  }
}

function status(known: boolean): Answer {
  const overall = { level: 'available', summary: 'All services and plugins are available' }
  // Who is not logged in sees the level alone.
  return {
    status: 200,
    body: known ? { name: 'kibana', version: { number: '8.19.0' }, status: { overall } } : { status: { overall } },
  }
}

const SEARCH_KEYS = ['query', 'aggs', 'size', 'track_total_hits', '_source', 'fields', 'runtime_mappings', 'sort']

/** What else is asked for is dropped without a word, `search_after` and `pit` among it. */
function searchAlerts(state: ElasticState, space: string, given: Record<string, unknown>): Answer {
  const body = Object.fromEntries(Object.entries(given).filter(([key]) => SEARCH_KEYS.includes(key)))
  const { _source: source, sort } = body
  if (typeof source === 'object' && !Array.isArray(source))
    return failure(400, '[request body]: _source: Invalid input')
  if (sort !== undefined && (typeof sort !== 'object' || Array.isArray(sort)))
    return failure(400, '[request body]: sort: Expected object, received array')
  const fields = Object.entries(Object(sort) as object).map(([field, order]) => ({ [field]: order as unknown }))
  const answer = search(state, [space], { ...body, ...(sort ? { sort: fields } : {}) })
  const { hits } = answer.hits as { hits: { sort?: unknown[] }[] }
  // Dates are sorted by, and shown, as milliseconds.
  for (const hit of hits) if (hit.sort) hit.sort = hit.sort.map((key) => Date.parse(String(key)) || key)
  return { status: 200, body: answer }
}

/** By ids every status is replaced, also `closed`, and a conflict ends the call: as in the real one. */
function setStatus(state: ElasticState, space: string, body: Record<string, unknown>): Answer {
  const { signal_ids: ids, query, status, conflicts } = body
  if (!['open', 'acknowledged', 'closed'].includes(String(status)))
    return failure(400, '[request body]: status: Invalid enum value')
  if (Array.isArray(ids) === (query !== undefined)) return failure(400, '[request body]: Invalid input')
  const found = findAlerts(state, [space], ids ? { terms: { _id: ids } } : query)
  return runUpdate(state, found, conflicts === 'proceed', (alert) => {
    if (alert.source[STATUS] === undefined || alert.source[STATUS] === status) return true
    state.alerts.update(alert.id, 'kibana', (source) => {
      source[STATUS] = status
      source['kibana.alert.workflow_user'] = null
      source['kibana.alert.workflow_status_updated_at'] = new Date().toISOString()
      const signal = source.signal as { status?: unknown } | undefined
      if (signal?.status !== undefined) signal.status = status
    })
    return true
  })
}

function setTags(state: ElasticState, space: string, body: Record<string, unknown>): Answer {
  const { tags_to_add: add, tags_to_remove: remove } = (body.tags ?? {}) as Record<string, unknown>
  const ids = body.ids
  if (!Array.isArray(add) || !Array.isArray(remove) || !Array.isArray(ids) || ids.length === 0)
    return failure(400, '[request body]: Invalid input')
  if (add.some((tag) => remove.includes(tag)))
    return failure(400, 'Duplicate tags were found in tags_to_add and tags_to_remove')
  return runUpdate(state, findAlerts(state, [space], { terms: { _id: ids } }), false, (alert) => {
    state.alerts.update(alert.id, 'kibana', (source) => {
      const old = ((source[TAGS] ?? []) as string[]).filter((tag) => !remove.includes(tag))
      source[TAGS] = [...old, ...add.filter((tag) => !old.includes(tag))]
    })
    return true
  })
}

function failure(status: number, message: string): Answer {
  return { status, body: { statusCode: status, error: message, message } }
}
