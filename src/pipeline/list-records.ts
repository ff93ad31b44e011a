import { randomBytes } from 'node:crypto'
import type { Ban } from '../core/ban.ts'
import { historyOfPuts, type Put } from '../core/history.ts'
import { listEdge } from '../core/list-edge.ts'
import { type ListKnown, type ListState, NEW_LIST, NOTHING_KNOWN } from '../core/list-state.ts'
import type { Change, Records } from '../ports.ts'
import { type Lease, LeaseLostError } from './lease.ts'
import { historyPuts } from './ledger.ts'
import type { ListPassDeps } from './list-pass-types.ts'

const STORE_ID = 'store-id'

/** The id of this store, 12 hex digits, made on first use: it tells our items of a list from those of another Portcullis. */
export async function storeIdOf(records: Records): Promise<string> {
  for (;;) {
    const known = (await records.get<{ id: string }>('settings', [STORE_ID])).get(STORE_ID)
    if (known !== undefined) return known.doc.id
    const doc = { id: randomBytes(6).toString('hex') }
    const expect = [{ collection: 'settings' as const, id: STORE_ID, rev: 0 }]
    await records.commit({ expect, put: [{ collection: 'settings', id: STORE_ID, doc }] })
  }
}

/** The id of the record of what is known of people's items and of others'. */
export function knownId(name: string): string {
  return `list-known:${name}`
}

export async function readList(
  records: Records,
  name: string,
): Promise<{ readonly state: ListState; readonly known: ListKnown; readonly isNew: boolean }> {
  const [edges, settings] = await Promise.all([
    records.get<ListState>('edges', [listEdge(name)]),
    records.get<ListKnown>('settings', [knownId(name)]),
  ])
  const known = settings.get(knownId(name))?.doc
  const state = edges.get(listEdge(name))?.doc ?? NEW_LIST
  return { state: { ...NEW_LIST, ...state }, known: known ?? NOTHING_KNOWN, isNew: known === undefined }
}

/** `noted`: what goes into the history with it. */
export async function writeList(
  records: Records,
  lease: Lease,
  name: string,
  state: ListState,
  noted: NonNullable<Change['put']> = [],
): Promise<void> {
  const put = [{ collection: 'edges' as const, id: listEdge(name), doc: state }, ...noted]
  if (await records.commit({ expect: [lease.fence], put })) return
  throw new LeaseLostError(`another instance took over the edge ${listEdge(name)}`)
}

/** The entries of the history that tell of these writes. */
export async function notesOf(deps: ListPassDeps, puts: readonly Put[]): Promise<NonNullable<Change['put']>> {
  if (puts.length === 0) return []
  const bans = await deps.records.all<Ban>('bans')
  return historyPuts(deps, historyOfPuts(listEdge(deps.list.name), puts, new Map(bans.map(({ id, doc }) => [id, doc]))))
}
