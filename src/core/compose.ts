import { coveredByOne } from './address-set.ts'
import { clausesOwed, sameContent } from './debts.ts'
import type { Base, Debt } from './edge-state.ts'
import { serializeExpression } from './expression/serialize.ts'
import { withListClause, withoutListClause } from './list-clause.ts'
import { clausesIn, freeRef, type OwnRule } from './own-rule.ts'
import { applyChange } from './rule-changes.ts'
import { keyOf, type Rule } from './rules.ts'

export interface ComposeFacts {
  readonly rules: readonly Rule[]
  readonly own: Exclude<OwnRule, { kind: 'problem' }>
  readonly base: Base
  readonly debts: readonly Debt[]
  readonly terms: readonly string[]
  /** A list that our rule is to name, or to name no more; absent: such a clause is left as it is. */
  readonly list?: { readonly name: string; readonly stands: boolean } | undefined
  /** For a rule that has to be made. */
  readonly description: string
  readonly action: string
}

/** The rules to send: everybody else's as they came, what we owe done again, and ours holding `terms`; null: nothing changes. */
export function compose(facts: ComposeFacts): readonly Rule[] | null {
  const { rules, own, debts, terms } = facts
  const key = own.kind === 'present' ? keyOf(own.rule) : facts.base.rule === null ? null : keyOf(facts.base.rule)
  const paid = debts.reduce((done, debt) => applyChange(done, debt.change, key), rules)
  if (own.kind === 'absent') {
    if (terms.length === 0 && facts.list?.stands !== true) return sameContent(paid, rules) ? null : paid
    const index = facts.base.rule === null ? paid.length : facts.base.index
    return paid.toSpliced(index, 0, missingRule(facts))
  }
  const clauses = clausesOf(own, facts.base, debts, facts.list)
  if (sameTerms(terms, own.terms) && sameContent(clauses, own.clauses)) return sameContent(paid, rules) ? null : paid
  const expression = serializeExpression({ terms, clauses })
  return paid.map((rule) => (keyOf(rule) === key ? { ...rule, expression } : rule))
}

/** Foreign clauses that stand in our rule, or will once it is put back. */
export function clausesOf(
  own: ComposeFacts['own'],
  base: Base,
  debts: readonly Debt[],
  list?: ComposeFacts['list'],
): readonly string[] {
  const known = base.rule === null ? [] : clausesIn(base.rule)
  const clauses = own.kind === 'present' ? clausesOwed(own.clauses, debts) : known
  if (list === undefined) return clauses
  return list.stands ? withListClause(clauses, list.name) : withoutListClause(clauses, list.name)
}

/** Another spelling of the same addresses is no reason to write. */
export function sameTerms(a: readonly string[], b: readonly string[]): boolean {
  return a.every(coveredByOne(b)) && b.every(coveredByOne(a))
}

function missingRule({ rules, own, base, debts, terms, list, description, action }: ComposeFacts): Rule {
  const known = base.rule
  const expression = serializeExpression({ terms, clauses: clausesOf(own, base, debts, list) })
  if (known === null) {
    return {
      ref: freeRef(rules),
      description,
      action,
      expression,
      enabled: true,
    }
  }
  const { id, ...rest } = known
  return { ...rest, ref: keyOf(known), expression }
}
