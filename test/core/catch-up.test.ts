import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { judgeOpen, rulesToCatchUp, SETTLED } from '../../src/core/catch-up.ts'
import { type AlertRecord, isReopenable, type Outcome } from '../../src/core/outcome.ts'
import type { Playbook, Trigger } from '../../src/core/playbook.ts'

const NOW = new Date('2026-05-01T12:00:00Z')
const minutesAgo = (minutes: number) => new Date(NOW.getTime() - minutes * 60_000).toISOString()

function recordOf(outcome: Outcome | null, at: string): AlertRecord {
  const base = { waiting: null, rule: 'r', playbook: 'p', space: 'default', wanted: [], refused: [] }
  return { ...base, outcome, firstDecidedAt: at, at }
}
const judged = (outcome: Outcome | null, minutes: number, observing = false) =>
  judgeOpen(recordOf(outcome, minutesAgo(minutes)), observing, NOW).kind

describe('an open alert', () => {
  it('of which nothing is known is taken', () => equal(judgeOpen(undefined, true, NOW).kind, 'take'))
  it('that is at work is left to its job', () => equal(judged(null, 1), 'leave'))
  it('whose job has been silent for long is taken: the job may be lost', () => equal(judged(null, 16), 'take'))
  it('with a final refusal is tagged with its word', () =>
    deepEqual(judgeOpen(recordOf('private', minutesAgo(1)), false, NOW), { kind: 'tag', word: 'private' }))
  it('that waits for a person is tagged, not taken', () => equal(judged('quota-spent', 600), 'tag'))
  it('is never tagged while observing', () => equal(judged('private', 1, true), 'leave'))
  it('that was observed is left while observing goes on', () => equal(judged('observing', 600, true), 'leave'))
  it('that was observed is taken once it is enforced', () => equal(judged('observing', 0), 'take'))
  it('that lapsed is taken up again, after a rest', () => {
    equal(judged('lapsed', 1), 'leave')
    equal(judged('lapsed', 5), 'take')
  })
  it('that was given up is taken up again once an hour', () => {
    equal(judged('gave-up', 59), 'leave')
    equal(judged('gave-up', 61), 'take')
  })
})

describe('the tags that end the reading of an alert', () => {
  it('are exactly the outcomes that a delivery does not reopen', () => {
    ok(SETTLED.includes('quota-spent') && SETTLED.includes('partly') && SETTLED.includes('allowlisted'))
    deepEqual(SETTLED.filter(isReopenable), [])
    for (const word of ['observing', 'lapsed', 'gave-up', 'displaced', 'unknown-alert'] as const)
      ok(!SETTLED.includes(word))
  })
})

describe('the rules to catch up on', () => {
  const trigger = (...rules: string[]): Trigger => ({ rules, tags: [], severity: [] })
  const playbook = (enabled: boolean, ...triggers: Trigger[]): Playbook => ({
    ...{
      name: 'p',
      description: '',
      enabled,
      mode: 'enforce',
      triggers,
      consts: {},
      steps: [],
      file: 'p.yaml',
      hash: '',
    },
  })
  it('are those of enabled playbooks and the configured ones, each once', () =>
    deepEqual(rulesToCatchUp([playbook(true, trigger('a', 'b')), playbook(false, trigger('c'))], ['b', 'd']), [
      'a',
      'b',
      'd',
    ]))
  it('are none where a playbook answers everything: nobody has named one', () =>
    deepEqual(rulesToCatchUp([playbook(true, trigger())], []), []))
})
