import { addressSet } from '../core/address-set.ts'
import { type Ban, withoutEdge } from '../core/ban.ts'
import type { EdgeState } from '../core/edge-state.ts'
import { historyOfPuts } from '../core/history.ts'
import { listEdge } from '../core/list-edge.ts'
import { writerOf } from '../core/list-item.ts'
import { type ListState, NEW_LIST } from '../core/list-state.ts'
import type { AddressList } from '../ports-list.ts'
import { type Lease, LeaseLostError, takeLease } from './lease.ts'
import { historyPuts } from './ledger.ts'
import type { ListPassDeps } from './list-pass-types.ts'
import { knownId, storeIdOf } from './list-records.ts'
import { awaitEnd } from './list-writing.ts'

export interface RetireDeps extends Pick<ListPassDeps, 'records' | 'clock' | 'holder' | 'newId' | 'historyForMs'> {
  readonly list: AddressList
  readonly zones: readonly string[]
}

// One operation carries no more.
const MOST_AT_ONCE = 1_000

/**
 * Bans are in the rules again (CLOUDFLARE_TARGET=rule): once no rule of ours names the list any more, what we wrote into it is
 * taken out, for other rules of the account may name it and would stop people for ever. The list itself and everybody else's
 * items stay. Answers whether it is done; repeating it is harmless.
 */
export async function retireList(deps: RetireDeps): Promise<boolean> {
  const { records, list, zones } = deps
  const edge = listEdge(list.name)
  if (!(await records.get('edges', [edge])).has(edge)) return true
  const states = await records.get<EdgeState>('edges', zones)
  if ([...states.values()].some(({ doc }) => doc.clause?.list === list.name)) return false
  const lease = await takeLease(deps, edge)
  try {
    const found = await emptied(deps, lease)
    if (found === null) return false
    await forget(deps, lease, found)
    return true
  } finally {
    await lease.release().catch(() => undefined)
  }
}

interface Emptied {
  /** What stood in the list and was taken out now. */
  readonly removed: readonly string[]
  /** What others have in it; null: there is no list. */
  readonly left: readonly string[] | null
}

/** null: not yet. */
async function emptied({ records, list, clock }: RetireDeps, lease: Lease): Promise<Emptied | null> {
  const store = await storeIdOf(records)
  const state = (await records.get<ListState>('edges', [listEdge(list.name)])).get(listEdge(list.name))?.doc ?? NEW_LIST
  for (const { operation } of state.list.attempts) {
    if (operation !== null && (await awaitEnd({ list, clock }, lease, operation)).kind === 'under-way') return null
  }
  const removed: string[] = []
  for (;;) {
    await lease.keep()
    if ((await list.find()) === null) return { removed, left: null }
    const items = await list.items()
    const ours = items.filter(({ comment }) => writerOf(comment) === store).slice(0, MOST_AT_ONCE)
    if (ours.length === 0) return { removed, left: items.map(({ text }) => text) }
    const { id } = await list.remove(ours.map((item) => item.id))
    if ((await awaitEnd({ list, clock }, lease, id)).kind !== 'completed') return null
    removed.push(...ours.map(({ text }) => text))
  }
}

/** As if there had never been a list, but for the history. */
async function forget(deps: RetireDeps, lease: Lease, { removed, left }: Emptied): Promise<void> {
  const { records, list } = deps
  const edge = listEdge(list.name)
  const known = (await records.all<Ban>('bans')).filter(({ doc }) => edge in doc.edges)
  const bans = new Map(known.map(({ id, doc }) => [id, doc]))
  // What an earlier try took out before it was broken off still stands here as held.
  const told = addressSet([...removed, ...(left ?? [])])
  const before = left === null ? [] : known.filter(({ id, doc }) => doc.edges[edge]?.held && !told.covers(id))
  const removing = [...removed, ...before.map(({ id }) => id)]
  const written = await records.commit({
    expect: [lease.fence, ...known.map(({ id, rev }) => ({ collection: 'bans' as const, id, rev }))],
    put: [
      ...known.map(({ id, doc }) => ({ collection: 'bans' as const, id, doc: withoutEdge(doc, edge) })),
      ...historyPuts(deps, removing.length === 0 ? [] : historyOfPuts(edge, [{ adding: [], removing }], bans)),
    ],
    remove: [
      { collection: 'edges', id: edge },
      { collection: 'settings', id: knownId(list.name) },
    ],
  })
  if (!written) throw new LeaseLostError(`a ban of ${edge} changed meanwhile: tried again later`)
}
