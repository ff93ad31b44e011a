import type { Alerts, StoredAlert } from './elasticsearch-alerts.ts'
import { filterSource, matchesQuery, valuesOf } from './elasticsearch-query.ts'
import type { Answer } from './world-server.ts'

/** What searches and updates work on. */
export interface ElasticState {
  readonly alerts: Alerts
  readonly spaces: Set<string>
  /** How many conflicts each alert still has. */
  readonly conflicts: Map<string, number>
}

/** The alerts of these spaces that a query finds. */
export function findAlerts(state: ElasticState, spaces: readonly string[], query: unknown): StoredAlert[] {
  const named = idsIn(query)
  return state.alerts
    .ids()
    .filter((id) => named === null || named.has(id))
    .map((id) => state.alerts.find(id))
    .filter((alert) => alert !== null)
    .filter((alert) => spaces.includes(alert.space) && matchesQuery(query, alert))
}

/** The ids that a query asks for and nothing else; null: it is of another kind. Among 100,000 alerts it takes what an index would. */
function idsIn(query: unknown): ReadonlySet<unknown> | null {
  const ids = (query as { terms?: { _id?: unknown } } | undefined)?.terms?._id
  return Array.isArray(ids) ? new Set(ids) : null
}

/** The answer of `_search`, with `sort`, `search_after`, `size`, `from` and `_source`. */
export function search(
  state: ElasticState,
  spaces: readonly string[],
  body: Record<string, unknown>,
): Record<string, unknown> {
  const sort = ((body.sort ?? []) as (string | Record<string, unknown>)[]).map((each) => {
    const [field, order] = typeof each === 'string' ? [each, 'asc'] : (Object.entries(each)[0] ?? ['', 'asc'])
    return { field, down: (typeof order === 'object' ? (order as { order?: string }).order : order) === 'desc' }
  })
  const keys = (alert: StoredAlert): string[] => sort.map(({ field }) => String(valuesOf(alert, field)[0] ?? ''))
  const compare = (a: readonly string[], b: readonly string[]): number => {
    for (const [index, { down }] of sort.entries()) {
      const [left = '', right = ''] = [a[index], b[index]]
      if (left !== right) return (left < right ? -1 : 1) * (down ? -1 : 1)
    }
    return 0
  }
  const found = findAlerts(state, spaces, body.query).sort((a, b) => compare(keys(a), keys(b)))
  const after = body.search_after as unknown[] | undefined
  const rest = after ? found.filter((alert) => compare(keys(alert), after.map(String)) > 0) : found
  const from = Number(body.from ?? 0)
  const hits = rest.slice(from, from + Number(body.size ?? 10)).map((alert) => {
    const source = filterSource(alert.source, body._source)
    return {
      _index: alert.index,
      _id: alert.id,
      _score: null,
      ...(source ? { _source: structuredClone(source) } : {}),
      ...(sort.length > 0 ? { sort: keys(alert) } : {}),
    }
  })
  const total = body.track_total_hits === false ? {} : { total: { value: found.length, relation: 'eq' } }
  return {
    took: 1,
    timed_out: false,
    _shards: { total: spaces.length, successful: spaces.length, skipped: 0, failed: 0 },
    hits: { ...total, max_score: null, hits },
  }
}

export function failure(status: number, type: string, reason: string): Answer {
  const cause = { type, reason }
  return { status, body: { error: { root_cause: [cause], ...cause }, status } }
}
