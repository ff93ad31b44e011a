import type { Ban } from '../core/ban.ts'
import type { EdgeState, PassMark } from '../core/edge-state.ts'
import { historyOfPuts, type Put } from '../core/history.ts'
import { hasListClause } from '../core/list-clause.ts'
import { listEdge } from '../core/list-edge.ts'
import type { OwnRule } from '../core/own-rule.ts'
import type { Plan } from '../core/plan.ts'
import { verdicts } from '../core/verdict.ts'
import type { Change } from '../ports.ts'
import { displacedNote } from './displaced.ts'
import { type Lease, LeaseLostError } from './lease.ts'
import { historyPuts } from './ledger.ts'
import type { PassDeps, PassReport } from './pass-types.ts'
import type { Stock } from './stock.ts'

export interface Ended {
  readonly begun: Date
  readonly stock: Stock
  readonly touched: ReadonlySet<string>
  readonly gone: ReadonlySet<string>
  readonly plan: Plan | null
  readonly own: OwnRule
  readonly state: EdgeState
  /** Why the edge does not hold all that it should; null: it does, or lacks the room. */
  readonly blocked: { readonly state: string; readonly detail: string } | null
  readonly wrote: boolean
  /** What our PUTs of this pass were; absent: there was none. */
  readonly puts?: readonly Put[]
  /** Whether a rule in force names the list; absent: our own rule alone tells. */
  readonly listStands?: boolean
}

/** The verdict: only now do bans become held. Written on the bans as they are by now: what was lifted during a PUT stays lifted. */
export async function conclude(deps: PassDeps, lease: Lease, end: Ended): Promise<PassReport> {
  const { records, clock } = deps
  const edge = deps.edge.name
  const { state, detail } = end.blocked ?? { state: 'ok', detail: '' }
  for (;;) {
    const now = clock.now()
    const stored = await records.all<Ban>('bans')
    const found = {
      edge,
      state,
      terms: end.own.kind === 'present' ? end.own.terms : [],
      considered: new Set(end.stock.bans.map((ban) => ban.address)),
      displaced: new Set(end.plan?.displaced ?? []),
      observing: deps.observing,
      list: listIn(deps, end),
      now,
    }
    const changed = verdicts(
      stored.map((s) => s.doc),
      found,
    )
    const revs = new Map(stored.map((s) => [s.id, s.rev]))
    const lastPass = markOf(deps, end, state, detail)
    const write = (free: NonNullable<Change['put']>[number]) =>
      records.commit({
        expect: [
          lease.fence,
          ...changed.map((ban) => ({ collection: 'bans' as const, id: ban.address, rev: revs.get(ban.address) ?? 0 })),
        ],
        put: [
          free,
          { collection: 'edges', id: edge, doc: { ...end.state, lastPass } },
          ...changed.map((ban) => ({ collection: 'bans' as const, id: ban.address, doc: ban })),
          ...displacedIn(changed, edge).map((id) => ({
            collection: 'settings' as const,
            id: displacedNote(id),
            doc: {},
          })),
          ...historyPuts(deps, historyOfPuts(edge, end.puts ?? [], new Map(stored.map((s) => [s.id, s.doc])))),
        ],
      })
    if (await lease.endWith(write)) {
      report(
        deps,
        end,
        stored.map((s) => s.doc),
        changed,
        { state, detail },
      )
      return {
        edge,
        state,
        detail,
        wrote: end.wrote,
        changed: [...new Set([...end.touched, ...changed.map((ban) => ban.address)])],
        displaced: displacedIn(changed, edge),
        gone: [...end.gone],
      }
    }
    const epoch = (await records.get('epochs', [edge])).get(edge)
    if (epoch?.rev !== lease.fence.rev) throw new LeaseLostError(`another instance took over the edge ${edge}`)
  }
}

function listIn({ list }: PassDeps, { own, listStands }: Ended): { edge: string; stands: boolean } | undefined {
  if (!list?.wanted) return undefined
  const stands = listStands ?? (own.kind === 'present' && hasListClause(own.clauses, list.name))
  return { edge: listEdge(list.name), stands }
}

function displacedIn(bans: readonly Ban[], edge: string): string[] {
  return bans.filter((ban) => ban.edges[edge]?.why === 'displaced').map((ban) => ban.address)
}

function markOf(deps: PassDeps, end: Ended, state: string, detail: string): PassMark {
  return {
    at: end.begun.toISOString(),
    state,
    detail,
    used: end.plan?.used ?? 0,
    limit: deps.rule.limit,
    waiting: end.plan?.waiting.length ?? 0,
  }
}

function report(
  deps: PassDeps,
  end: Ended,
  bans: readonly Ban[],
  changed: readonly Ban[],
  verdict: { state: string; detail: string },
) {
  const { events } = deps
  const edge = deps.edge.name
  const current = new Map([...bans, ...changed].map((ban) => [ban.address, ban]))
  const holdings = [...current.values()].flatMap((ban) => ban.edges[edge] ?? [])
  const nowHeld = changed.filter((ban) => ban.edges[edge]?.held)
  if (nowHeld.length > 0) events.held({ edge, addresses: nowHeld.map((ban) => ban.address) })
  const out = changed.filter((ban) => ban.edges[edge]?.why === 'displaced')
  if (out.length > 0) events.displaced({ edge, addresses: out.map((ban) => ban.address) })
  if (changed.some((ban) => ban.edges[edge]?.why === 'edge-full'))
    events.edgeFull({ edge, waiting: end.plan?.waiting.length ?? 0 })
  const before = end.stock.state.lastPass?.state ?? 'ok'
  if (before !== verdict.state) events.edgeState({ edge, ...verdict })
  const waiting: Record<string, number> = {}
  for (const { held, why } of holdings) if (!held) waiting[why] = (waiting[why] ?? 0) + 1
  events.standing({
    edge,
    held: holdings.filter((h) => h.held).length,
    waiting,
    used: end.plan?.used ?? 0,
    limit: deps.rule.limit,
  })
  const ms = deps.clock.now().getTime() - end.begun.getTime()
  events.pass({ edge, result: verdict.state, ms, wrote: end.wrote })
}
