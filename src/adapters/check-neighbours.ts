import { clockedEntries } from '../core/clocked-entries.ts'
import { formatDuration } from '../core/duration.ts'
import type { EdgeState } from '../core/edge-state.ts'
import { isListEdge } from '../core/list-edge.ts'
import { writerOf } from '../core/list-item.ts'
import type { Records } from '../ports.ts'
import type { ListItem } from '../ports-list.ts'
import { type Finding, warn } from './check-finding.ts'

const MEND = 'give all instances the same STORE_URL, or stop one'

/** Whether another Portcullis, with a store of its own, writes the same rules: its bans pass for people's entries here. */
export async function* checkNeighbours(records: Pick<Records, 'all'>): AsyncGenerator<Finding> {
  for (const { id, doc } of await records.all<EdgeState>('edges')) {
    const found = isListEdge(id) ? null : clockedEntries(doc)
    if (found === null) continue
    const { addresses, lengthMs } = found
    const length = formatDuration(Math.round(lengthMs / 60_000) * 60_000)
    const entries = `entries of others (${addresses.slice(0, 3).join(', ')}, …) were taken out again after ${length} each`
    yield warn(
      `rule of ${id}`,
      `another program bans here by the clock: ${entries}. If it is a Portcullis with another store, ${MEND}`,
    )
  }
}

/** Whether the items of a list are those of several stores. */
export function* checkWriters(what: string, items: readonly ListItem[]): Generator<Finding> {
  const writers = Map.groupBy(
    items.filter(({ comment }) => writerOf(comment) !== null),
    ({ comment }) => writerOf(comment),
  )
  if (writers.size < 2) return
  const counts = [...writers].map(([writer, some]) => `${some.length} of store ${writer}`).join(', ')
  yield warn(
    what,
    `Portcullis writes it with ${writers.size} stores (${counts}): ${MEND}. Items of a store that is lost stay until a person deletes them`,
  )
}
