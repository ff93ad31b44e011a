import type { Rest } from './edge-state.ts'
import type { OwnRule } from './own-rule.ts'
import { digestOf, type Rule, SPILL_PARTS } from './rules.ts'

/** Everything in a version but our terms. */
export function restOf(rules: readonly Rule[], own: OwnRule): Rest {
  if (own.kind !== 'present') return { others: digestOf(rules), own: '' }
  const others = digestOf(rules.filter((_, i) => i !== own.index))
  return { others, own: digestOf([{ ...own.rule, [SPILL_PARTS]: undefined, expression: own.clauses.join(' or ') }]) }
}

/** Whether another rule, or a clause or field of ours, differs; our rule's coming and going does not count. */
export function changedOtherwise(before: Rest, after: Rest): boolean {
  return before.others !== after.others || (before.own !== '' && after.own !== '' && before.own !== after.own)
}
