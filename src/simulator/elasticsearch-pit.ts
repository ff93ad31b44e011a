import { type ElasticState, failure, search } from './elasticsearch-search.ts'
import type { Answer } from './world-server.ts'

interface Pit {
  readonly state: ElasticState
  readonly spaces: readonly string[]
}

/** Points in time: a search in one sees the alerts as they were when it was opened. */
export interface Pits {
  open(state: ElasticState, spaces: readonly string[]): Answer
  search(body: Record<string, unknown>): Answer
  close(body: Record<string, unknown>): Answer
  /** How many are open. */
  count(): number
}

export function createPits(): Pits {
  const pits = new Map<string, Pit>()
  let opened = 0
  return {
    open(state, spaces) {
      opened += 1
      const id = `pit-${opened}`
      pits.set(id, { state: frozen(state), spaces })
      return { status: 200, body: { id, _shards: { total: 1, successful: 1, skipped: 0, failed: 0 } } }
    },
    search(body) {
      const { id = '' } = Object(body.pit) as { id?: string }
      const pit = pits.get(id)
      if (!pit) return failure(404, 'search_context_missing_exception', `No search context found for id [${id}]`)
      return { status: 200, body: { pit_id: id, ...search(pit.state, pit.spaces, body) } }
    },
    close({ id }) {
      const known = pits.delete(String(id))
      return { status: known ? 200 : 404, body: { succeeded: known, num_freed: known ? 1 : 0 } }
    },
    count: () => pits.size,
  }
}

function frozen(state: ElasticState): ElasticState {
  const { alerts } = state
  const copies = new Map(alerts.ids().map((id) => [id, structuredClone(alerts.find(id))]))
  return {
    ...state,
    alerts: { ...alerts, ids: () => [...copies.keys()], find: (id) => copies.get(id) ?? null },
  }
}
