import { type Ban, withoutEdge } from '../core/ban.ts'
import type { EdgeState } from '../core/edge-state.ts'
import { listEdge } from '../core/list-edge.ts'
import { writerOf } from '../core/list-item.ts'
import { type ListState, NEW_LIST } from '../core/list-state.ts'
import type { Records } from '../ports.ts'
import type { AddressList } from '../ports-list.ts'
import { type Lease, LeaseLostError, takeLease } from './lease.ts'
import type { ListPassDeps } from './list-pass-types.ts'
import { knownId, storeIdOf } from './list-records.ts'
import { awaitEnd } from './list-writing.ts'

export interface RetireDeps extends Pick<ListPassDeps, 'records' | 'clock' | 'holder'> {
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
    if (!(await emptied(deps, lease))) return false
    await forget(records, lease, list.name)
    return true
  } finally {
    await lease.release().catch(() => undefined)
  }
}

async function emptied({ records, list, clock }: RetireDeps, lease: Lease): Promise<boolean> {
  const store = await storeIdOf(records)
  const state = (await records.get<ListState>('edges', [listEdge(list.name)])).get(listEdge(list.name))?.doc ?? NEW_LIST
  for (const { operation } of state.list.attempts) {
    if (operation !== null && (await awaitEnd({ list, clock }, lease, operation)).kind === 'under-way') return false
  }
  for (;;) {
    await lease.keep()
    if ((await list.find()) === null) return true
    const ours = (await list.items()).filter(({ comment }) => writerOf(comment) === store)
    if (ours.length === 0) return true
    const { id } = await list.remove(ours.slice(0, MOST_AT_ONCE).map((item) => item.id))
    if ((await awaitEnd({ list, clock }, lease, id)).kind !== 'completed') return false
  }
}

/** As if there had never been a list. */
async function forget(records: Records, lease: Lease, name: string): Promise<void> {
  const edge = listEdge(name)
  const held = (await records.all<Ban>('bans')).filter(({ doc }) => edge in doc.edges)
  const written = await records.commit({
    expect: [lease.fence, ...held.map(({ id, rev }) => ({ collection: 'bans' as const, id, rev }))],
    put: held.map(({ id, doc }) => ({ collection: 'bans', id, doc: withoutEdge(doc, edge) })),
    remove: [
      { collection: 'edges', id: edge },
      { collection: 'settings', id: knownId(name) },
    ],
  })
  if (!written) throw new LeaseLostError(`a ban of ${edge} changed meanwhile: tried again later`)
}
