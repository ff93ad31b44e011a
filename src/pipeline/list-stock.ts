import { afterHands } from '../core/after-hands.ts'
import { applyHands } from '../core/apply-hands.ts'
import type { Ban } from '../core/ban.ts'
import type { Released } from '../core/guards.ts'
import { historyOfHands } from '../core/history.ts'
import { judgeList, type ListHand } from '../core/judge-list.ts'
import { listEdge } from '../core/list-edge.ts'
import type { Items, ListKnown, ListState } from '../core/list-state.ts'
import { type Lease, LeaseLostError } from './lease.ts'
import type { ListPassDeps } from './list-pass-types.ts'
import { knownId, readList } from './list-records.ts'
import { changedBetween, changeOf, docsOf, endings } from './stock.ts'

/** Where a list and the ledger stand once everything that happened is accounted for. */
export interface ListStock {
  readonly state: ListState
  readonly known: ListKnown
  readonly bans: readonly Ban[]
  /** Addresses whose bans changed here. */
  readonly touched: readonly string[]
  readonly gone: readonly string[]
}

/** Explains what others did to the list, ends what is over, and makes the ledger say so, in one commit. */
export async function takeListStock(
  deps: ListPassDeps,
  lease: Lease,
  facts: {
    readonly state: ListState
    readonly items: Items
    readonly removed: ReadonlySet<string>
    readonly store: string
  },
): Promise<ListStock> {
  const { records, clock, list } = deps
  const edge = listEdge(list.name)
  for (;;) {
    const now = clock.now()
    const [{ state: before, known, isNew }, stored, releases] = await Promise.all([
      readList(records, list.name),
      records.all<Ban>('bans'),
      records.all<Released>('released'),
    ])
    const ledger = new Map(stored.map((s) => [s.id, s]))
    const hand = judgeList({ ...facts, edge, known, bans: stored.map((s) => s.doc), now })
    if (deps.observing && isNew) {
      deps.events.wouldAdopt({ edge, addresses: hand.adopted })
      return { state: before, known, bans: stored.map((s) => s.doc), touched: [], gone: [] }
    }
    const standing = docsOf(ledger)
    const effects = applyHands(standing, [{ ...hand, restored: [] }], {
      edge,
      adoptForMs: deps.adoptForMs,
      releaseForMs: deps.releaseForMs,
      now,
      wantedOn: null,
    })
    for (const ban of hand.unheld) standing.set(ban.address, ban)
    const { bans, swept } = afterHands(standing, effects, {
      ...{ ...(await deps.friends()), released: releases.map((r) => r.doc) },
      ...{ maxAlertAgeMs: deps.maxAlertAgeMs, now },
    })
    const stock = {
      state: hand.state,
      known: hand.known,
      bans: [...bans.values()],
      touched: changedBetween(ledger, bans),
      gone: [...ledger.keys()].filter((a) => !bans.has(a)),
    }
    const ended = endings(swept, effects.remove, ledger)
    const change = changeOf(
      { ...deps, edge: { name: edge } },
      lease,
      before,
      stock,
      ledger,
      bans,
      effects.released,
      ended,
      historyOfHands(edge, [hand]),
    )
    const learned = hand.known !== known || isNew
    const put = learned ? [{ collection: 'settings' as const, id: knownId(list.name), doc: hand.known }] : []
    const nothing = change === null && !learned
    if (
      nothing ||
      (await records.commit({ expect: [lease.fence], ...change, put: [...(change?.put ?? []), ...put] }))
    ) {
      report(deps, edge, hand, swept.gone)
      return stock
    }
    const fence = (await records.get('epochs', [edge])).get(edge)
    if (fence?.rev !== lease.fence.rev) throw new LeaseLostError(`another instance took over the edge ${edge}`)
  }
}

function report(
  { events }: ListPassDeps,
  edge: string,
  hand: ListHand,
  gone: readonly { readonly ban: Ban; readonly how: string }[],
): void {
  if (hand.adopted.length > 0) events.adopted({ edge, addresses: hand.adopted })
  if (hand.released.length > 0) events.released({ edge, addresses: hand.released, by: 'somebody' })
  if (hand.accident.length > 0) events.putBack({ edge, version: 0, addresses: hand.accident })
  if (hand.state.contested !== null && hand.unheld.length > 0) events.contested({ edge })
  for (const how of new Set(gone.map((g) => g.how)))
    events.ended({ addresses: gone.filter((g) => g.how === how).map((g) => g.ban.address), how })
}
