import type { Debt, FieldChange, RuleChange } from './edge-state.ts'
import { applyChange } from './rule-changes.ts'
import { keyOf, type Rule } from './rules.ts'

/** What is still owed after somebody's later changes: what he has changed since is his, whatever we overwrote before. */
export function stillOwed(debts: readonly Debt[], since: readonly RuleChange[]): Debt[] {
  return debts.flatMap(({ id, change }) => {
    const left = since.reduce<RuleChange | null>((rest, later) => rest && lessOf(rest, later), change)
    return left === null ? [] : [{ id, change: left }]
  })
}

/** Debts without those that the rules show as paid: left standing, they would undo what somebody does there next. */
export function unpaid(debts: readonly Debt[], rules: readonly Rule[], own: Rule | null): Debt[] {
  let now = rules
  return debts.filter(({ change }) => {
    const next = applyChange(now, change, own && keyOf(own))
    const clauses = change.kind === 'own' && change.clausesGained.length + change.clausesLost.length > 0
    const owed = clauses || !sameContent(now, next)
    now = next
    return owed
  })
}

/** Foreign clauses of our rule as they will stand once the debts are paid; the very same where nothing changes. */
export function clausesOwed(clauses: readonly string[], debts: readonly Debt[]): readonly string[] {
  return debts.reduce((now, { change }) => {
    if (change.kind !== 'own') return now
    const kept = now.filter((c) => !change.clausesLost.includes(c))
    const gained = change.clausesGained.filter((c) => !kept.includes(c))
    return kept.length === now.length && gained.length === 0 ? now : [...kept, ...gained]
  }, clauses)
}

export function sameContent(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}

function lessOf(debt: RuleChange, later: RuleChange): RuleChange | null {
  if (debt.kind === 'own') {
    if (later.kind !== 'own') return debt
    const clausesGained = debt.clausesGained.filter((c) => !later.clausesLost.includes(c))
    const clausesLost = debt.clausesLost.filter((c) => !later.clausesGained.includes(c))
    const rest = { ...debt, ...fieldsLess(debt, later), clausesGained, clausesLost }
    return isEmpty(rest) && clausesGained.length + clausesLost.length === 0 ? null : rest
  }
  if (nameOf(debt) !== nameOf(later)) return debt
  if (debt.kind === 'change' && later.kind === 'change') {
    const rest = { ...debt, ...fieldsLess(debt, later) }
    return isEmpty(rest) ? null : rest
  }
  if (debt.kind === 'move') return later.kind === 'move' ? null : debt
  return later.kind === 'move' ? debt : null
}

function nameOf(change: RuleChange): string | null {
  return change.kind === 'own' ? null : change.kind === 'add' ? keyOf(change.rule) : change.key
}

function fieldsLess(debt: FieldChange, later: FieldChange): FieldChange {
  const taken = new Set([...Object.keys(later.fields), ...later.dropped])
  return {
    fields: Object.fromEntries(Object.entries(debt.fields).filter(([name]) => !taken.has(name))),
    dropped: debt.dropped.filter((name) => !taken.has(name)),
  }
}

function isEmpty({ fields, dropped }: FieldChange): boolean {
  return Object.keys(fields).length + dropped.length === 0
}
