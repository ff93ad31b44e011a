import { account, type Head } from '../core/account.ts'
import { afterHands } from '../core/after-hands.ts'
import { applyHands } from '../core/apply-hands.ts'
import { type Ban, whoseOn } from '../core/ban.ts'
import { type EdgeState, NEW_EDGE } from '../core/edge-state.ts'
import type { Released } from '../core/guards.ts'
import { type HistoryEntry, historyOfEndings, historyOfHands, historyOfPuts, putOf } from '../core/history.ts'
import { judgeClause } from '../core/judge-clause.ts'
import type { JudgedHand } from '../core/judge-hand.ts'
import { newlyLanded } from '../core/landed.ts'
import { listEdge } from '../core/list-edge.ts'
import type { ListState } from '../core/list-state.ts'
import { offenceOf } from '../core/offence.ts'
import type { OwnRule } from '../core/own-rule.ts'
import type { Rule } from '../core/rules.ts'
import type { Ending, Swept } from '../core/sweep.ts'
import type { Change, Stored } from '../ports.ts'
import { refuseDoubtful } from './doubt.ts'
import { type Lease, LeaseLostError } from './lease.ts'
import { historyPuts } from './ledger.ts'
import type { PassDeps } from './pass-types.ts'
import { fetchVersions } from './read-edge.ts'

/** Where the edge and the ledger stand once everything that happened is accounted for. */
export interface Stock {
  readonly state: EdgeState
  readonly bans: readonly Ban[]
  readonly own: OwnRule
  /** The account's list, as the ledger knows it; null: none is known to be there. */
  readonly list: 'there' | 'deleted' | null
  /** Addresses whose bans changed here. */
  readonly touched: readonly string[]
  readonly gone: readonly string[]
}

/** Explains what others did since the last pass, ends what is over, and makes the ledger say so, in one commit. */
export async function takeStock(
  deps: PassDeps,
  lease: Lease,
  head: Head,
  versions: Map<number, readonly Rule[] | null>,
): Promise<Stock> {
  const { records, edge, clock } = deps
  for (;;) {
    const now = clock.now()
    const [edges, stored, releases, friends] = await Promise.all([
      records.get<EdgeState>('edges', deps.list === undefined ? [edge.name] : [edge.name, listEdge(deps.list.name)]),
      records.all<Ban>('bans'),
      records.all<Released>('released'),
      // Waited for with the rest, also when it throws at once.
      (async () => deps.friends())(),
    ])
    const before = edges.get(edge.name)?.doc ?? NEW_EDGE
    await refuseDoubtful(edge, before, head, { description: deps.rule.description, now })
    await fetchVersions(edge, before, head, versions)
    const docs = stored.map((s) => s.doc)
    const ours = { description: deps.rule.description, whose: whoseOn(docs, edge.name, now) }
    const { state: judged, hands, own } = account(before, head, versions, ours, now)
    const list = whereIsList(deps, edges)
    const clause = judgeClause(judged, { list: deps.list, there: list === 'there', own, before, head, now })
    const { state } = clause
    if (deps.observing && before.base === null) {
      const found = hands.flatMap((hand) => hand.adopted)
      deps.events.wouldAdopt({ edge: edge.name, addresses: found })
      return { state: before, bans: docs, own, list, touched: [], gone: [] }
    }
    const ledger = new Map(stored.map((s) => [s.id, s]))
    const known = docsOf(ledger)
    const effects = applyHands(known, hands, {
      edge: edge.name,
      adoptForMs: deps.adoptForMs,
      releaseForMs: deps.releaseForMs,
      now,
    })
    const { bans, swept } = afterHands(known, effects, {
      ...{ ...friends, released: releases.map((r) => r.doc) },
      ...{ maxAlertAgeMs: deps.maxAlertAgeMs, now },
    })
    const stock = {
      state,
      bans: [...bans.values()],
      own,
      list,
      touched: changedBetween(ledger, bans),
      gone: [...ledger.keys()].filter((a) => !bans.has(a)),
    }
    const change = changeOf(
      deps,
      lease,
      before,
      stock,
      ledger,
      bans,
      effects.released,
      endings(swept, effects.remove, ledger),
      [
        // Their pass died, or never heard the answer.
        ...historyOfPuts(edge.name, newlyLanded(before.attempts, state.attempts).map(putOf), known),
        ...historyOfHands(edge.name, hands),
      ],
    )
    if (change === null || (await records.commit(change))) {
      report(deps, hands, swept.gone)
      if (clause.putBack) deps.events.putBack({ edge: edge.name, version: head.version, addresses: [] })
      if (clause.contested) deps.events.contested({ edge: edge.name })
      return stock
    }
    const fence = (await records.get('epochs', [edge.name])).get(edge.name)
    if (fence?.rev !== lease.fence.rev) throw new LeaseLostError(`another instance took over the edge ${edge.name}`)
  }
}

function whereIsList({ list }: PassDeps, edges: ReadonlyMap<string, Stored<EdgeState>>): Stock['list'] {
  const known = list && (edges.get(listEdge(list.name))?.doc as ListState | undefined)
  if (known?.contested?.ruleGone) return 'deleted'
  return known?.list?.id ? 'there' : null
}

/** Bans whose automatic reason is over, whether or not another one keeps them: each was an offence. */
export function endings(
  swept: Swept,
  removed: ReadonlySet<string>,
  ledger: ReadonlyMap<string, Stored<Ban>>,
): { ban: Ban; how: Ending }[] {
  const lifted = [...removed].flatMap((address) => {
    const ban = ledger.get(address)?.doc
    return ban === undefined ? [] : [{ ban, how: 'released' as const }]
  })
  const outlived = swept.put.flatMap(({ address, reasons }) => {
    const ban = ledger.get(address)?.doc
    return ban === undefined || reasons.some((r) => r.origin === 'alert') ? [] : [{ ban, how: 'ended' as const }]
  })
  return [...swept.gone, ...outlived, ...lifted]
}

/** The one commit that says it all; null: nothing changed. */
export function changeOf(
  deps: Pick<PassDeps, 'clock' | 'offenceMemoryMs' | 'historyForMs' | 'newId'> & {
    readonly edge: { readonly name: string }
  },
  lease: Lease,
  before: EdgeState,
  stock: Pick<Stock, 'state' | 'touched'>,
  ledger: ReadonlyMap<string, Stored<Ban>>,
  bans: ReadonlyMap<string, Ban>,
  released: readonly Released[],
  ended: readonly { ban: Ban; how: Ending }[],
  noted: readonly Omit<HistoryEntry, 'at'>[] = [],
): Change | null {
  const now = deps.clock.now()
  const { touched } = stock
  if (touched.length === 0 && released.length === 0 && JSON.stringify(before) === JSON.stringify(stock.state))
    return null
  const forget = new Date(now.getTime() + deps.offenceMemoryMs)
  const offences = ended.flatMap(({ ban, how }) => offenceOf(ban, how, now) ?? [])
  return {
    expect: [lease.fence, ...touched.map((id) => ({ collection: 'bans' as const, id, rev: ledger.get(id)?.rev ?? 0 }))],
    put: [
      { collection: 'edges', id: deps.edge.name, doc: stock.state },
      ...touched.flatMap((id) => (bans.has(id) ? [{ collection: 'bans' as const, id, doc: bans.get(id) }] : [])),
      ...released.map((r) => ({ collection: 'released' as const, id: r.address, doc: r, expires: new Date(r.until) })),
      ...offences.map((doc) => ({ collection: 'offences' as const, id: doc.address, doc, expires: forget })),
      ...historyPuts(deps, [...noted, ...historyOfEndings(ended)]),
    ],
    remove: touched.flatMap((id) => (bans.has(id) ? [] : [{ collection: 'bans' as const, id }])),
  }
}

function report(deps: PassDeps, hands: readonly JudgedHand[], gone: readonly { ban: Ban; how: Ending }[]): void {
  const { events } = deps
  const edge = deps.edge.name
  for (const hand of hands) {
    const { version } = hand
    if (hand.adopted.length > 0) events.adopted({ edge, addresses: hand.adopted })
    if (hand.released.length > 0) events.released({ edge, addresses: hand.released, by: `the rule of ${edge}` })
    if (hand.withdrawn.length > 0) events.entriesWithdrawn({ edge, version, addresses: hand.withdrawn })
    if (hand.stale.length > 0) events.staleCopyRepaired({ edge, version, addresses: hand.stale })
    if (hand.accident.length > 0) events.putBack({ edge, version, addresses: hand.accident })
    if (hand.contested !== null) events.contested({ edge })
  }
  for (const how of new Set(gone.map((g) => g.how))) {
    events.ended({ addresses: gone.filter((g) => g.how === how).map((g) => g.ban.address), how })
  }
}

export function docsOf(ledger: ReadonlyMap<string, Stored<Ban>>): Map<string, Ban> {
  return new Map([...ledger].map(([id, { doc }]) => [id, doc]))
}

/** Addresses whose ban is another one now, or is gone. */
export function changedBetween(ledger: ReadonlyMap<string, Stored<Ban>>, bans: ReadonlyMap<string, Ban>): string[] {
  const changed = [...bans].filter(([id, ban]) => ledger.get(id)?.doc !== ban).map(([id]) => id)
  return [...changed, ...[...ledger.keys()].filter((id) => !bans.has(id))]
}
