import { clausesOwed } from './debts.ts'
import type { Debt, RuleChange } from './edge-state.ts'
import { serializeExpression } from './expression/serialize.ts'
import { clausesIn } from './own-rule.ts'
import { applyChange, ownChanges } from './rule-changes.ts'
import { keyOf, type Rule } from './rules.ts'

/** Our rule as people want its fields and clauses, without terms, also where a PUT of ours overwrote that and nobody has put it right yet. */
export function asOwed(debts: readonly Debt[], rule: Rule | null): Rule | null {
  if (rule === null) return null
  const owed = debts.filter(({ change }) => change.kind === 'own')
  const [now] = owed.reduce((all, { change }) => applyChange(all, change, keyOf(rule)), [rule] as readonly Rule[])
  const clauses = clausesOwed(clausesIn(rule), owed)
  return { ...now, expression: serializeExpression({ terms: [], clauses }) }
}

/** What is left of a rule that a person deleted: one that is made later has its fields, but another name and no clause. */
export function deleted(rule: Rule | null): Rule | null {
  return rule && { ...rule, ref: '', expression: '' }
}

/**
 * What our rule lacks, as a PUT of ours wrote it, of what people meant it to be when it was last known to be as they want it. `meant`
 * is null where they had deleted it before that: then it is what the debts say, without clauses.
 */
export function owedToOwn(
  landed: Rule,
  known: { readonly meant: Rule | null; readonly debts: readonly Debt[]; readonly ruleGone: boolean },
): RuleChange[] {
  if (known.ruleGone) return [{ kind: 'remove', key: keyOf(landed) }]
  return ownChanges(landed, known.meant ?? { ...asOwed(known.debts, landed), expression: '' })
}
