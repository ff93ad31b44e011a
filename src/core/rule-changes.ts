import type { FieldChange, RuleChange } from './edge-state.ts'
import { clausesIn } from './own-rule.ts'
import { keyOf, type Rule, SPILL_PARTS, sameRule } from './rules.ts'

/**
 * What somebody did between two versions: rules added, removed, changed, moved, by ref. `own` are the keys of our rule, whose
 * addition, removal and terms are judged elsewhere (`judgeHand`); of it only its other fields and its clauses are compared.
 */
export function changesBetween(
  before: readonly Rule[],
  after: readonly Rule[],
  own: ReadonlySet<string>,
): RuleChange[] {
  const old = new Map(before.map((r) => [keyOf(r), r]))
  const now = new Map(after.map((r) => [keyOf(r), r]))
  const changes: RuleChange[] = []
  for (const key of old.keys()) if (!now.has(key) && !own.has(key)) changes.push({ kind: 'remove', key })
  const moved = movedBetween(before, after)
  const ours = before.find((rule) => own.has(keyOf(rule)))
  // From left to right: whatever is put somewhere finds its neighbour in place.
  after.forEach((rule, i) => {
    const key = keyOf(rule)
    const was = old.get(key)
    if (moved.has(key)) changes.push({ kind: 'move', key, after: keyBefore(after, i) })
    if (own.has(key)) {
      // An old copy may bring our rule back under another name.
      const mine = was ?? ours
      if (mine !== undefined) changes.push(...ownChanges(mine, rule))
    } else if (was === undefined) changes.push({ kind: 'add', rule, after: keyBefore(after, i) })
    else if (!sameRule(was, rule)) changes.push({ kind: 'change', key, ...fieldsBetween(was, rule, NOT_A_PERSONS) })
  })
  return changes
}

/** The rules with the change made again; a change of something that is gone, or is made already, does nothing. */
export function applyChange(rules: readonly Rule[], change: RuleChange, own: string | null): readonly Rule[] {
  switch (change.kind) {
    case 'add':
      return rules.some((r) => keyOf(r) === keyOf(change.rule))
        ? rules
        : insertAfter(rules, withoutId(change.rule), change.after)
    case 'change':
      return rules.map((r) => (keyOf(r) === change.key ? withFields(r, change) : r))
    case 'remove':
      return rules.filter((r) => keyOf(r) !== change.key)
    case 'move': {
      const rule = rules.find((r) => keyOf(r) === change.key)
      if (rule === undefined) return rules
      return insertAfter(
        rules.filter((r) => r !== rule),
        rule,
        change.after,
      )
    }
    case 'own':
      return rules.map((r) => (keyOf(r) === own ? withFields(r, change) : r))
  }
}

/** Our overwritten rule is gone at Cloudflare and its id with it; the ref names it from now on. */
function withoutId(rule: Rule): Rule {
  const ref = keyOf(rule)
  return { ...without(rule, ['id']), ref }
}

function withFields(rule: Rule, { fields, dropped }: FieldChange): Rule {
  return { ...without(rule, dropped), ...fields }
}

function without(rule: Rule, fields: readonly string[]): Rule {
  return Object.fromEntries(Object.entries(rule).filter(([field]) => !fields.includes(field)))
}

const NOT_A_PERSONS = ['id', 'ref', 'version', 'last_updated', 'categories', SPILL_PARTS]

/** What differs between two of our rules beside their terms. */
export function ownChanges(was: Rule, is: Rule): RuleChange[] {
  const { fields, dropped } = fieldsBetween(was, is, [...NOT_A_PERSONS, 'expression'])
  const [old, now] = [clausesIn(was), clausesIn(is)]
  const clausesGained = now.filter((c) => !old.includes(c))
  const clausesLost = old.filter((c) => !now.includes(c))
  const same = Object.keys(fields).length + dropped.length + clausesGained.length + clausesLost.length === 0
  return same ? [] : [{ kind: 'own', fields, dropped, clausesGained, clausesLost }]
}

function fieldsBetween(was: Rule, is: Rule, ignored: readonly string[]): FieldChange {
  const fields: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(is)) {
    if (!ignored.includes(name) && JSON.stringify(value) !== JSON.stringify(was[name])) fields[name] = value
  }
  return { fields, dropped: Object.keys(was).filter((name) => !(name in is) && !ignored.includes(name)) }
}

function keyBefore(rules: readonly Rule[], index: number): string | null {
  const rule = rules[index - 1]
  return rule === undefined ? null : keyOf(rule)
}

function insertAfter(rules: readonly Rule[], rule: Rule, after: string | null): readonly Rule[] {
  if (after === null) return [rule, ...rules]
  const index = rules.findIndex((r) => keyOf(r) === after)
  return index < 0 ? [...rules, rule] : [...rules.slice(0, index + 1), rule, ...rules.slice(index + 1)]
}

/** Of the rules in both, those outside the longest run that kept its order were moved. */
function movedBetween(before: readonly Rule[], after: readonly Rule[]): Set<string> {
  const place = new Map(before.map((r, i) => [keyOf(r), i]))
  const common = after.filter((r) => place.has(keyOf(r)))
  const kept = longestRising(common.map((r) => place.get(keyOf(r)) as number))
  return new Set(common.map(keyOf).filter((key) => !kept.has(place.get(key) as number)))
}

/** A longest rising subsequence, as a set of its values; n² is fine for at most 1,000 rules. */
function longestRising(values: readonly number[]): Set<number> {
  const best: { length: number; from: number }[] = []
  let end = -1
  values.forEach((value, i) => {
    let here = { length: 1, from: -1 }
    for (let j = 0; j < i; j++) {
      const there = best[j]
      if (there !== undefined && (values[j] as number) < value && there.length >= here.length)
        here = { length: there.length + 1, from: j }
    }
    best.push(here)
    if (end < 0 || here.length > (best[end]?.length ?? 0)) end = i
  })
  const kept = new Set<number>()
  for (let i = end; i >= 0; i = best[i]?.from ?? -1) kept.add(values[i] as number)
  return kept
}
