import { deepEqual } from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Attempt } from '../../src/core/edge-state.ts'
import { overwrittenBy, versionsNeeded } from '../../src/core/overwritten.ts'
import type { Rule } from '../../src/core/rules.ts'

const rules = (text: string): Rule[] => text.split(' ').map((ref) => ({ ref }))
/** Version 1 is `of[0]`, … */
const history = (...of: string[]) => new Map(of.map((text, i) => [i + 1, rules(text)]))
const put = (read: number, landed: number): Attempt => {
  const at = '2026-03-01T00:00:00.000Z'
  return { id: `${read}`, at, read, digest: '', adding: [], removing: [], pays: [], landed }
}

/** What is owed once the last of our PUTs has landed, as `+rule` and `-rule`. */
function owed(versions: Map<number, Rule[]>, ...ours: Attempt[]): string[] {
  const debts = overwrittenBy(ours.at(-1) as Attempt, ours, versions, new Set())
  return debts.map(({ change }) =>
    change.kind === 'add' ? `+${change.rule.ref}` : `${change.kind} ${'key' in change ? change.key : ''}`,
  )
}

describe('what a PUT of ours overwrote', () => {
  it('nothing, where it became the version after the one that it had read', () =>
    deepEqual(owed(history('a', 'a b'), put(1, 2)), []))
  it('what people changed between', () =>
    deepEqual(owed(history('a c', 'a b c', 'a b', 'a c'), put(1, 4)), ['+b', 'remove c']))
  it('what another PUT of ours changed, seen from what that one had read', () =>
    deepEqual(owed(history('a', 'a b', 'a c', 'a'), put(1, 3), put(2, 4)), ['+c']))
  it('but not what a person took back before that PUT arrived', () =>
    deepEqual(owed(history('a', 'a c', 'a', 'a c', 'a'), put(1, 2), put(1, 4), put(3, 5)), []))
  it('yet what only a PUT of ours took back', () =>
    deepEqual(owed(history('a', 'a c', 'a', 'a c', 'a'), put(1, 2), put(1, 3), put(1, 4), put(3, 5)), ['+c']))
  it('nothing that can be known, where the versions between are no longer kept', () =>
    deepEqual(owed(new Map([[4, rules('a')]]), put(1, 4)), []))
})

describe('the versions that have to be fetched', () => {
  const needed = (ours: Attempt[], from: number, head: number, owing = false) =>
    versionsNeeded(ours, new Map([[head, rules('a')]]), from, head, owing)
  it('are those since the last pass', () => deepEqual(needed([], 3, 6), [4, 5]))
  it('the one before them too, while something is owed', () => deepEqual(needed([], 3, 6, true), [4, 5, 3]))
  it('and those that a PUT of ours overwrote', () => deepEqual(needed([put(1, 5)], 4, 5), [1, 2, 3, 4]))
  it('but no more than 50 of them', () => deepEqual(needed([], 0, 60).length, 50))
})
