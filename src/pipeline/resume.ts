import type { EdgeState } from '../core/edge-state.ts'
import type { Clock, Records } from '../ports.ts'
import { takeLease } from './lease.ts'

/** Ends the stop of contested edges: a person wants our rule back. Answers the names of those that were stopped. */
export async function resumeEdges(
  deps: { records: Records; clock: Clock; holder: string },
  edges: readonly string[],
): Promise<string[]> {
  const resumed: string[] = []
  for (const edge of edges) {
    const lease = await takeLease(deps, edge)
    try {
      const state = (await deps.records.get<EdgeState>('edges', [edge])).get(edge)?.doc
      if (!state?.contested) continue
      const doc: EdgeState = { ...state, contested: null, putBackAt: null }
      if (await deps.records.commit({ expect: [lease.fence], put: [{ collection: 'edges', id: edge, doc }] }))
        resumed.push(edge)
    } finally {
      await lease.release().catch(() => undefined)
    }
  }
  return resumed
}
