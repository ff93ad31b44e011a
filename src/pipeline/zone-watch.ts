import type { Ban } from '../core/ban.ts'
import { type EdgeState, NEW_EDGE } from '../core/edge-state.ts'
import { namesList } from '../core/list-clause.ts'
import { findOwnRule, isHoldingAction, type OwnRule, whyNotHolding } from '../core/own-rule.ts'
import { RefusedError } from '../errors.ts'
import type { Rule } from '../ports.ts'
import { conclude } from './conclude.ts'
import { type Lease, takeLease } from './lease.ts'
import type { PassDeps, PassReport } from './pass-types.ts'

/**
 * One pass over a zone whose rules belong to somebody else (CLOUDFLARE_MANAGE_RULE=off): it reads, and writes nothing. The zone
 * holds what the list holds while a rule in force names the list. Where the token may not read the rules, that is taken on trust.
 */
export async function watchZone(deps: PassDeps): Promise<PassReport> {
  const lease = await takeLease(deps, deps.edge.name)
  try {
    return await look(deps, lease)
  } finally {
    // A lease that cannot be given back runs out by itself.
    await lease.release().catch(() => undefined)
  }
}

async function look(deps: PassDeps, lease: Lease): Promise<PassReport> {
  const { records, edge, clock } = deps
  const begun = clock.now()
  const name = deps.list?.name ?? ''
  const rules = await readRules(deps)
  const [edges, stored] = await Promise.all([records.get<EdgeState>('edges', [edge.name]), records.all<Ban>('bans')])
  const state = edges.get(edge.name)?.doc ?? NEW_EDGE
  const own = rules === null ? ABSENT : ownIn(rules, state, deps.rule.description)
  const stands = rules === null || rules.some((rule) => isInForce(rule) && namesList(String(rule.expression), name))
  const stock = { state, own, list: null, bans: stored.map((s) => s.doc), touched: [], gone: [] }
  const report = await conclude(deps, lease, {
    ...{ begun, stock, own, state, plan: null, wrote: false },
    ...{ touched: new Set<string>(), gone: new Set<string>(), listStands: stands },
    blocked: rules === null ? UNSEEN : stands ? null : { state: 'edge-unreferenced', detail: unreferenced(name) },
  })
  return rules === null ? { ...report, unseen: true } : report
}

const ABSENT: OwnRule = { kind: 'absent' }
const UNSEEN = {
  state: 'ok',
  detail:
    'the token may not read the rules of this zone, so nobody here sees whether one of them names the list; give it "Zone WAF Read" to have it watched',
}

function unreferenced(name: string): string {
  return `no rule in force names the list: make one with the expression (ip.src in $${name}) and a blocking action, or switch it on`
}

/** null: the token may not read them. */
async function readRules({ edge }: PassDeps): Promise<readonly Rule[] | null> {
  try {
    return (await edge.read())?.rules ?? []
  } catch (error) {
    if (error instanceof RefusedError) return null
    throw error
  }
}

/** What our own rule from before still stops; nothing where it is not in force. */
function ownIn(rules: readonly Rule[], state: EdgeState, description: string): OwnRule {
  const own = findOwnRule(rules, { remembered: state.base?.rule ?? null, description })
  return own.kind === 'problem' || whyNotHolding(own) !== null ? ABSENT : own
}

function isInForce(rule: Rule): boolean {
  return rule.enabled !== false && isHoldingAction(rule.action)
}
