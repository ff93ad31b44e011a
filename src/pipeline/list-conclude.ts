import { coveredByOne } from '../core/address-set.ts'
import type { Ban } from '../core/ban.ts'
import type { PassMark } from '../core/edge-state.ts'
import { historyOfPuts, type Put } from '../core/history.ts'
import { listEdge } from '../core/list-edge.ts'
import { atRiskIn, type Items, type ListState } from '../core/list-state.ts'
import { listVerdicts } from '../core/list-verdict.ts'
import type { ListPlan } from '../core/plan-list.ts'
import { displacedNote } from './displaced.ts'
import { type Lease, LeaseLostError } from './lease.ts'
import { historyPuts } from './ledger.ts'
import type { ListPassDeps } from './list-pass-types.ts'
import type { ListStock } from './list-stock.ts'
import type { PassReport } from './pass-types.ts'

/** Items that an account below Enterprise takes, over all its lists. */
const USUAL_LIMIT = 10_000

export interface ListEnd {
  readonly begun: Date
  readonly state: ListState
  /** null: nobody can say what the list holds at this moment. */
  readonly items: Items | null
  /** null: the ledger was not looked at; every ban in it is judged by the items. */
  readonly stock: ListStock | null
  readonly plan: ListPlan | null
  readonly touched: ReadonlySet<string>
  readonly gone: ReadonlySet<string>
  /** Writes that took effect, and that the history does not tell of yet. */
  readonly puts: readonly Put[]
  readonly wrote: boolean
  readonly blocked: { readonly state: string; readonly detail: string } | null
}

/** The verdict: held is what the list holds. Written on the bans as they are by now: what was lifted meanwhile stays lifted. */
export async function concludeList(deps: ListPassDeps, lease: Lease, end: ListEnd): Promise<PassReport> {
  const { records } = deps
  const edge = listEdge(deps.list.name)
  const { state, detail } = end.blocked ?? { state: 'ok', detail: '' }
  const lastPass = markOf(end, state, detail)
  for (;;) {
    const stored = await records.all<Ban>('bans')
    const bans = stored.map((s) => s.doc)
    const changed = end.items === null ? [] : listVerdicts(bans, foundBy(deps, end, end.items, bans))
    const revs = new Map(stored.map((s) => [s.id, s.rev]))
    const displaced = changed.filter((ban) => ban.edges[edge]?.why === 'displaced').map((ban) => ban.address)
    const written = await records.commit({
      expect: [
        lease.fence,
        ...changed.map(({ address: id }) => ({ collection: 'bans' as const, id, rev: revs.get(id) ?? 0 })),
      ],
      put: [
        { collection: 'edges', id: edge, doc: { ...end.state, lastPass } },
        ...changed.map((ban) => ({ collection: 'bans' as const, id: ban.address, doc: ban })),
        ...displaced.map((id) => ({ collection: 'settings' as const, id: displacedNote(id), doc: {} })),
        ...historyPuts(deps, historyOfPuts(edge, end.puts, new Map(bans.map((ban) => [ban.address, ban])))),
      ],
    })
    if (written) {
      report(deps, end, lastPass, bans, changed)
      const addresses = [...new Set([...end.touched, ...changed.map((ban) => ban.address)])]
      return { edge, state, detail, wrote: end.wrote, changed: addresses, displaced, gone: [...end.gone] }
    }
    const epoch = (await records.get('epochs', [edge])).get(edge)
    if (epoch?.rev !== lease.fence.rev) throw new LeaseLostError(`another instance took over the edge ${edge}`)
  }
}

function foundBy(deps: ListPassDeps, end: ListEnd, items: Items, bans: readonly Ban[]) {
  const atRisk = atRiskIn(end.state, items)
  const edge = listEdge(deps.list.name)
  const displaced = new Set(end.plan?.displaced)
  const unsayable = new Set(end.plan?.unsayable)
  const full = new Set(end.plan?.waiting)
  const kept = new Map(bans.map((ban) => [ban.address, ban.edges[edge]?.why ?? '']))
  const considered = end.stock === null ? bans : end.stock.bans
  return {
    edge,
    holds: coveredByOne([...items.keys()].filter((text) => !atRisk.has(text))),
    considered: new Set(considered.map((ban) => ban.address)),
    now: deps.clock.now(),
    why(address: string): string {
      if (displaced.has(address)) return 'displaced'
      if (unsayable.has(address)) return 'edge-item-format'
      if (end.blocked !== null) return end.blocked.state
      if (full.has(address)) return 'edge-full'
      return deps.observing ? 'observing' : kept.get(address) || 'not-settled'
    },
  }
}

function markOf(end: ListEnd, state: string, detail: string): PassMark {
  const used = end.items?.size ?? end.state.lastPass?.used ?? 0
  const { full } = end.state.list
  const limit = full === null ? Math.max(USUAL_LIMIT, used) : full.total - 1
  const waiting = end.plan === null ? (end.state.lastPass?.waiting ?? 0) : end.plan.waiting.length
  return { at: end.begun.toISOString(), state, detail, used, limit, waiting }
}

function report(deps: ListPassDeps, end: ListEnd, mark: PassMark, bans: readonly Ban[], changed: readonly Ban[]): void {
  const { events } = deps
  const edge = listEdge(deps.list.name)
  const current = new Map([...bans, ...changed].map((ban) => [ban.address, ban]))
  const holdings = [...current.values()].flatMap((ban) => ban.edges[edge] ?? [])
  const nowHeld = changed.filter((ban) => ban.edges[edge]?.held)
  if (nowHeld.length > 0) events.held({ edge, addresses: nowHeld.map((ban) => ban.address) })
  const out = changed.filter((ban) => ban.edges[edge]?.why === 'displaced')
  if (out.length > 0) events.displaced({ edge, addresses: out.map((ban) => ban.address) })
  if (changed.some((ban) => ban.edges[edge]?.why === 'edge-full')) events.edgeFull({ edge, waiting: mark.waiting })
  const { state, detail } = mark
  if ((end.state.lastPass?.state ?? 'ok') !== state) events.edgeState({ edge, state, detail })
  const waiting: Record<string, number> = {}
  for (const { held, why } of holdings) if (!held) waiting[why] = (waiting[why] ?? 0) + 1
  const held = holdings.filter((h) => h.held).length
  events.standing({ edge, held, waiting, used: mark.used, limit: mark.limit })
  const ms = deps.clock.now().getTime() - end.begun.getTime()
  events.pass({ edge, result: state, ms, wrote: end.wrote })
}
