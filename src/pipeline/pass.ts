import { account, type Head } from '../core/account.ts'
import { type Ban, whoseOn } from '../core/ban.ts'
import { clausesOf, compose } from '../core/compose.ts'
import type { Attempt, EdgeState } from '../core/edge-state.ts'
import { historyOfPuts, putOf } from '../core/history.ts'
import { inlineBans } from '../core/inline-bans.ts'
import { clauseSeen } from '../core/judge-clause.ts'
import { trimAttempts } from '../core/landed.ts'
import { listEdge } from '../core/list-edge.ts'
import { type OwnRule, whyNotHolding } from '../core/own-rule.ts'
import { type Plan, plan } from '../core/plan.ts'
import { digestOf, type Rule } from '../core/rules.ts'
import { conclude } from './conclude.ts'
import { refuseUnkept, refuseUnwritten } from './doubt.ts'
import { type Lease, LeaseLostError, takeLease } from './lease.ts'
import { historyPuts } from './ledger.ts'
import type { PassDeps, PassReport } from './pass-types.ts'
import { headOf, readHead } from './read-edge.ts'
import { type Stock, takeStock } from './stock.ts'

// After so many collisions in one pass the repair is left to new passes, further and further apart.
const MOST_COLLISIONS = 5

/**
 * One pass: makes one edge and the ledger agree, and is the only code that writes to an edge. Repeating it, late or after a
 * crash, is harmless. Failures of the edge and of the store are thrown; what was decided until then stays in the ledger.
 */
export async function settleOnce(deps: PassDeps): Promise<PassReport> {
  const lease = await takeLease(deps, deps.edge.name)
  try {
    return await work(deps, lease)
  } finally {
    // A lease that cannot be given back runs out by itself.
    await lease.release().catch(() => undefined)
  }
}

async function work(deps: PassDeps, lease: Lease): Promise<PassReport> {
  const begun = deps.clock.now()
  const versions = new Map<number, readonly Rule[] | null>()
  const touched = new Set<string>()
  const gone = new Set<string>()
  let head = await readHead(deps.edge)
  for (let collisions = 0; ; collisions++) {
    versions.set(head.version, head.rules)
    const stock = await takeStock(deps, lease, head, versions)
    for (const address of stock.touched) touched.add(address)
    for (const address of stock.gone) gone.add(address)
    const intent = intend(deps, stock, head)
    const done = { begun, touched, gone, stock, plan: intent.plan, wrote: collisions > 0 }
    if (intent.rules === null) {
      return conclude(deps, lease, { ...done, own: stock.own, state: stock.state, blocked: intent.blocked })
    }
    const rules = deps.edge.shown?.(intent.rules) ?? intent.rules
    const attempt = attemptOf(deps, stock, head, rules, intent.plan)
    const noted = withClause(deps, stock)
    await writeState(deps, lease, withAttempt(noted, attempt, deps.clock.now()))
    await lease.keep()
    const answer = await deps.edge.write(rules)
    const next = headOf(answer)
    refuseUnwritten(deps.edge.name, head, next)
    // In a ruleset that was deleted and made anew meanwhile the numbers begin again: what landed is found by its content.
    const anew = head.rulesetId !== '' && next.rulesetId !== head.rulesetId
    // Where it is the very next one, nobody came in between, and a second question would only cost time.
    if (anew || next.version !== head.version + 1) await refuseUnkept(deps.edge, next)
    if (anew) versions.clear()
    const known = anew ? attempt : { ...attempt, landed: next.version }
    const landed = withAttempt(noted, known, deps.clock.now())
    const puts = anew ? [] : [putOf(known)]
    const ours = { description: deps.rule.description, whose: whoseOn(stock.bans, deps.edge.name, begun) }
    const after = account(landed, next, versions, ours, deps.clock.now())
    const { own } = after
    const state = clauseSeen(after.state, own, deps.list)
    if (!anew && next.version === head.version + 1) {
      return conclude(deps, lease, { ...done, puts, wrote: true, own, state, blocked: whyBlocked(own, state) })
    }
    deps.events.collided({ edge: deps.edge.name, version: next.version, overwritten: next.version - head.version - 1 })
    if (collisions === MOST_COLLISIONS) {
      const busy = { state: 'edge-busy', detail: 'somebody writes to the ruleset as fast as we do' }
      return conclude(deps, lease, {
        ...done,
        puts,
        wrote: true,
        own,
        state: landed,
        blocked: whyBlocked(own, state) ?? busy,
      })
    }
    await writeState(deps, lease, landed, historyOfPuts(deps.edge.name, puts, byAddress(stock.bans)))
    head = next
  }
}

interface Intent {
  /** null: nothing to write. */
  readonly rules: readonly Rule[] | null
  readonly plan: Plan | null
  /** Why nothing may be written or held, if so. */
  readonly blocked: { readonly state: string; readonly detail: string } | null
}

function intend(deps: PassDeps, stock: Stock, head: Head): Intent {
  const { own, state } = stock
  const { base, debts } = state
  const { description, action } = deps.rule
  const blocked = whyBlocked(own, state)
  if (own.kind === 'problem' || base === null) return { rules: null, plan: null, blocked }
  const list = clauseFor(deps, stock)
  const toSend = (terms: readonly string[]) =>
    compose({ rules: head.rules, own, base, debts, terms, list, description, action })
  // Switched off is the person's; we go on writing, so that switching on finds the rule complete.
  if (blocked !== null && blocked.state !== 'edge-disabled') {
    // Our terms stay as they are, but what we owe to others is paid all the same.
    return { rules: debts.length === 0 ? null : toSend(own.kind === 'present' ? own.terms : []), plan: null, blocked }
  }
  const current = own.kind === 'present' ? own.terms : []
  const now = deps.clock.now()
  const inline = { zone: deps.edge.name, list: listEdge(deps.list?.name ?? ''), current, now }
  const planned = plan({
    edge: deps.edge.name,
    bans: deps.list?.wanted ? inlineBans(stock.bans, inline) : stock.bans,
    current,
    clauses: clausesOf(own, base, debts, list),
    limit: deps.rule.limit,
    observing: deps.observing,
    now,
  })
  return { rules: toSend(planned.terms), plan: planned, blocked }
}

/** Known to be ours from the first PUT that may bring it. */
function withClause(deps: PassDeps, stock: Stock): EdgeState {
  const list = clauseFor(deps, stock)
  if (!list?.stands || stock.state.clause?.list === list.name) return stock.state
  return { ...stock.state, clause: { list: list.name, awaited: true } }
}

/** Whether our rule is to name the list; undefined: whatever it says of it stays. */
function clauseFor({ list, observing }: PassDeps, { state, list: where }: Stock) {
  if (list === undefined) return undefined
  if (!list.wanted) return state.clause?.list === list.name ? { name: list.name, stands: false } : undefined
  // A rule that names a list which is not there is refused, and with it every write to the zone.
  if (where === 'deleted') return { name: list.name, stands: false }
  return where === 'there' && !observing && state.contested === null ? { name: list.name, stands: true } : undefined
}

function whyBlocked(own: OwnRule, state: EdgeState): { state: string; detail: string } | null {
  if (own.kind !== 'problem' && state.contested !== null) {
    const { ruleGone, terms } = state.contested
    const lost =
      terms.length === 0 ? 'the name of the list was taken out of our rule' : 'most of our terms were taken out'
    const what = ruleGone ? 'our rule was deleted' : lost
    const detail = `${what} again: nothing is written here until it is back, or until \`portcullis resume\``
    return { state: 'edge-contested', detail }
  }
  return whyNotHolding(own)
}

function attemptOf(deps: PassDeps, stock: Stock, head: Head, rules: readonly Rule[], planned: Plan | null): Attempt {
  const current = stock.own.kind === 'present' ? stock.own.terms : []
  const terms = planned?.terms ?? current
  const [before, after] = [new Set(current), new Set(terms)]
  return {
    id: deps.newId(),
    at: deps.clock.now().toISOString(),
    read: head.version,
    digest: digestOf(rules),
    adding: terms.filter((t) => !before.has(t)),
    removing: current.filter((t) => !after.has(t)),
    pays: stock.state.debts.map((d) => d.id),
    landed: null,
  }
}

function withAttempt(state: EdgeState, attempt: Attempt, now: Date): EdgeState {
  return { ...state, attempts: trimAttempts([...state.attempts, attempt], now) }
}

async function writeState(
  deps: PassDeps,
  lease: Lease,
  state: EdgeState,
  noted: Parameters<typeof historyPuts>[1] = [],
): Promise<void> {
  const put = [{ collection: 'edges' as const, id: deps.edge.name, doc: state }, ...historyPuts(deps, noted)]
  if (await deps.records.commit({ expect: [lease.fence], put })) return
  throw new LeaseLostError(`another instance took over the edge ${deps.edge.name}`)
}

function byAddress(bans: readonly Ban[]): ReadonlyMap<string, Ban> {
  return new Map(bans.map((ban) => [ban.address, ban]))
}
