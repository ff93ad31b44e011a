import { deepEqual } from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { stillOwed, unpaid } from '../../src/core/debts.ts'
import { applyChange, changesBetween } from '../../src/core/rule-changes.ts'
import { keyOf, type Rule } from '../../src/core/rules.ts'

const rules = fc
  .uniqueArray(fc.nat(7), { maxLength: 7 })
  .chain((refs) =>
    fc.tuple(
      ...refs.map((ref) =>
        fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.nat(2)).map((f): Rule => ({ ref: `r${ref}`, ...f })),
      ),
    ),
  )
const none = new Set<string>()
const applied = (before: readonly Rule[], changes: ReturnType<typeof changesBetween>) =>
  changes.reduce((now, change) => applyChange(now, change, null), before)

describe('changes between two versions', () => {
  it('made to the first give the second: rules, their fields and their order', () => {
    fc.assert(
      fc.property(rules, rules, (before, after) => {
        deepEqual(applied(before, changesBetween(before, after, none)), after)
      }),
      { numRuns: 3000 },
    )
  })

  it('compare our rule with itself also where an old copy brought it back under another name', () => {
    const [then, now] = [
      { ref: 'a', expression: 'ssl or ip.src eq 1.1.1.1', enabled: true },
      { ref: 'b', expression: 'ip.src eq 1.1.1.1', enabled: false },
    ]
    deepEqual(changesBetween([then], [now], new Set(['a', 'b'])), [
      { kind: 'own', fields: { enabled: false }, dropped: [], clausesGained: [], clausesLost: ['ssl'] },
    ])
  })

  it('made twice are made once, and owe nothing afterwards', () => {
    fc.assert(
      fc.property(rules, rules, (before, after) => {
        const changes = changesBetween(before, after, none)
        deepEqual(
          applied(
            after,
            changes.filter(({ kind }) => kind !== 'move'),
          ),
          after,
        )
        const debts = changes.map((change, i) => ({ id: `${i}`, change }))
        deepEqual(
          unpaid(debts, after, null).filter(({ change }) => change.kind !== 'move'),
          [],
        )
      }),
    )
  })

  it('are still owed but for what a person has changed since', () => {
    fc.assert(
      fc.property(rules, rules, rules, (before, theirs, later) => {
        const debts = changesBetween(before, theirs, none).map((change, i) => ({ id: `${i}`, change }))
        // We put `before` back over `theirs`; somebody made `later` of that.
        const since = changesBetween(before, later, none)
        const left = stillOwed(debts, since).map(({ change }) => change)
        const result = new Map(applied(later, left).map((rule) => [keyOf(rule), rule]))
        const [old, his, now] = [before, theirs, later].map((all) => new Map(all.map((rule) => [keyOf(rule), rule])))
        for (const [key, rule] of now ?? []) {
          const was = old?.get(key)
          const changed = Object.keys({ ...was, ...rule }).filter((field) => was?.[field] !== rule[field])
          for (const field of was === undefined ? [] : changed) deepEqual(result.get(key)?.[field], rule[field])
        }
        for (const [key, rule] of his ?? []) if (!old?.has(key) && !now?.has(key)) deepEqual(result.get(key), rule)
      }),
      { numRuns: 2000 },
    )
  })
})
