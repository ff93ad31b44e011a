import { coveredByOne } from './address-set.ts'
import { clausesOwed, sameContent } from './debts.ts'
import type { Base, Debt } from './edge-state.ts'
import { serializeExpression } from './expression/serialize.ts'
import { clausesIn, type OwnRule } from './own-rule.ts'
import { applyChange } from './rule-changes.ts'
import { keyOf, type Rule } from './rules.ts'

export interface ComposeFacts {
  readonly rules: readonly Rule[]
  readonly own: Exclude<OwnRule, { kind: 'problem' }>
  readonly base: Base
  readonly debts: readonly Debt[]
  readonly terms: readonly string[]
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
    if (terms.length === 0) return sameContent(paid, rules) ? null : paid
    const index = facts.base.rule === null ? paid.length : facts.base.index
    return paid.toSpliced(index, 0, missingRule(facts))
  }
  const clauses = clausesOwed(own.clauses, debts)
  if (sameTerms(terms, own.terms) && clauses === own.clauses) return sameContent(paid, rules) ? null : paid
  const expression = serializeExpression({ terms, clauses })
  return paid.map((rule) => (keyOf(rule) === key ? { ...rule, expression } : rule))
}

/** Foreign clauses that stand in our rule, or will once it is put back. */
export function clausesOf(own: ComposeFacts['own'], base: Base, debts: readonly Debt[]): readonly string[] {
  if (own.kind === 'present') return clausesOwed(own.clauses, debts)
  return base.rule === null ? [] : clausesIn(base.rule)
}

/** Another spelling of the same addresses is no reason to write. */
export function sameTerms(a: readonly string[], b: readonly string[]): boolean {
  return a.every(coveredByOne(b)) && b.every(coveredByOne(a))
}

function missingRule({ rules, base, terms, description, action }: ComposeFacts): Rule {
  const known = base.rule
  if (known === null) {
    return {
      ref: freeRef(rules),
      description,
      action,
      expression: serializeExpression({ terms, clauses: [] }),
      enabled: true,
    }
  }
  const { id, ...rest } = known
  return { ...rest, ref: keyOf(known), expression: serializeExpression({ terms, clauses: clausesIn(known) }) }
}

function freeRef(rules: readonly Rule[]): string {
  const taken = new Set(rules.map(keyOf))
  for (let n = 1, ref = 'portcullis'; ; n++, ref = `portcullis-${n}`) if (!taken.has(ref)) return ref
}
