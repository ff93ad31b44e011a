import { account } from '../core/account.ts'
import { afterHands } from '../core/after-hands.ts'
import { applyHands } from '../core/apply-hands.ts'
import { type Ban, whoseOn } from '../core/ban.ts'
import { clausesOf, compose } from '../core/compose.ts'
import { type EdgeState, NEW_EDGE } from '../core/edge-state.ts'
import type { ExplainedEdge } from '../core/explanation.ts'
import type { Released } from '../core/guards.ts'
import { inlineBans } from '../core/inline-bans.ts'
import { listEdge } from '../core/list-edge.ts'
import { findOwnRule, whyNotHolding } from '../core/own-rule.ts'
import { plan } from '../core/plan.ts'
import type { Rule } from '../core/rules.ts'
import { messageOf } from '../errors.ts'
import type { Edge, Records } from '../ports.ts'
import type { Friends, ListLink } from './pass-types.ts'
import { fetchVersions, readHead } from './read-edge.ts'

export interface ExplainEdgeDeps {
  readonly records: Pick<Records, 'get' | 'all'>
  readonly rule: { readonly description: string; readonly action: string; readonly limit: number }
  /** The account's list; absent: bans go into the rule. */
  readonly list?: ListLink | undefined
  readonly adoptForMs: number | null
  readonly releaseForMs: number
  readonly maxAlertAgeMs: number
  /** MODE=observe. */
  readonly observing: boolean
}

/** What the next pass over the edge would write if these were the bans: the same steps, none of them with an effect. */
export async function explainEdge(
  deps: ExplainEdgeDeps,
  edge: Edge,
  facts: {
    readonly bans: ReadonlyMap<string, Ban>
    readonly released: readonly Released[]
    readonly friends: Friends
    /** The addresses that are asked about. */
    readonly about: ReadonlySet<string>
    readonly now: Date
  },
): Promise<ExplainedEdge> {
  const { description, action } = deps.rule
  const limit = edge.limit?.() ?? deps.rule.limit
  const empty = { edge: edge.name, before: null, after: null, used: 0, limit, waiting: [], problem: '' }
  const { now, about } = facts
  let seen: Awaited<ReturnType<typeof look>>
  try {
    seen = await look(deps, facts.bans, edge, now)
  } catch (error) {
    return { ...empty, problem: `cannot be read: ${messageOf(error)}` }
  }
  const { head, known, state, hands, own } = seen
  const before = own.kind === 'present' ? String(own.rule.expression) : null
  if (own.kind === 'problem') return { ...empty, problem: `${own.state}: ${own.detail}` }
  if (state.contested !== null)
    return { ...empty, before, problem: 'edge-contested: nothing is written until `resume`' }
  const holding = whyNotHolding(own)
  const problem = holding === null ? '' : `${holding.state}: ${holding.detail}`
  const untouched = deps.observing && known.base === null
  if (state.base === null || untouched || (holding !== null && holding.state !== 'edge-disabled'))
    return { ...empty, before, problem: untouched ? 'observing: nothing is written' : problem }
  const effects = applyHands(facts.bans, hands, { ...deps, edge: edge.name, now })
  const standing = { ...facts.friends, released: facts.released, maxAlertAgeMs: deps.maxAlertAgeMs, now }
  const { bans } = afterHands(facts.bans, effects, standing)
  const current = own.kind === 'present' ? own.terms : []
  const all = [...bans.values()]
  const inline = { zone: edge.name, list: listEdge(deps.list?.name ?? ''), current, now }
  // The first of them makes the list.
  const list = deps.list?.wanted && !deps.observing ? { name: deps.list.name, stands: all.length > 0 } : undefined
  const planned = plan({
    ...{ edge: edge.name, limit, observing: deps.observing, now, current },
    bans: deps.list?.wanted ? inlineBans(all, inline) : all,
    clauses: clausesOf(own, state.base, state.debts, list),
  })
  const { debts, base } = state
  const rules = compose({ rules: head.rules, own, base, debts, terms: planned.terms, list, description, action })
  return {
    ...{ edge: edge.name, before, used: planned.used, limit, problem },
    after: rules === null ? null : expressionIn(rules, base.rule, description, before),
    waiting: [...planned.waiting, ...planned.displaced].filter((address) => about.has(address)),
  }
}

async function look({ records, rule }: ExplainEdgeDeps, bans: ReadonlyMap<string, Ban>, edge: Edge, now: Date) {
  const [head, states] = await Promise.all([readHead(edge), records.get<EdgeState>('edges', [edge.name])])
  const known = states.get(edge.name)?.doc ?? NEW_EDGE
  const versions = new Map<number, readonly Rule[] | null>([[head.version, head.rules]])
  await fetchVersions(edge, known, head, versions)
  const ours = { description: rule.description, whose: whoseOn([...bans.values()], edge.name, now) }
  return { head, known, ...account(known, head, versions, ours, now) }
}

/** null: it stays as it is. */
function expressionIn(
  rules: readonly Rule[],
  remembered: Rule | null,
  description: string,
  before: string | null,
): string | null {
  const own = findOwnRule(rules, { remembered, description })
  const after = own.kind === 'present' ? String(own.rule.expression) : null
  return after === before ? null : after
}
