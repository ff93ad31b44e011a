import { deepEqual, equal } from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Alert } from '../../src/core/alert.ts'
import type { Playbook, Trigger } from '../../src/core/playbook.ts'
import { matchPlaybook, neverMatching, unknownZones } from '../../src/core/playbook-match.ts'

const RULE = {
  id: 'uuid-1',
  ruleId: '8383a8d0',
  name: 'Web Server Discovery or Fuzzing Activity',
  tags: ['Domain: Web', 'OS: Linux'],
}
const alert = (more: Partial<Alert> = {}): Alert => ({
  id: 'a1',
  index: '',
  space: 'default',
  rule: RULE,
  severity: 'low',
  time: null,
  run: null,
  eventTime: false,
  suspects: [],
  evidence: {},
  ...more,
})
const trigger = (filters: Partial<Trigger> = {}): Trigger => ({ rules: [], tags: [], severity: [], ...filters })
const playbook = (file: string, triggers: Trigger[] = [trigger()], more: Partial<Playbook> = {}): Playbook => ({
  name: file,
  description: '',
  enabled: true,
  mode: 'enforce',
  triggers,
  consts: {},
  steps: [],
  file,
  hash: '',
  ...more,
})
const answering = (playbooks: Playbook[], one = alert()) => matchPlaybook(playbooks, one)?.file ?? null

describe('which playbook answers an alert', () => {
  it('is the first in file-name order, whatever the order they are given in', () =>
    equal(answering([playbook('90-all.yaml'), playbook('10-all.yaml')]), '10-all.yaml'))

  it('is found by the name, the rule_id or the uuid of the rule', () => {
    for (const rule of [RULE.name, RULE.ruleId, RULE.id])
      equal(answering([playbook('a.yaml', [trigger({ rules: ['other', rule] })])]), 'a.yaml')
    equal(answering([playbook('a.yaml', [trigger({ rules: ['Web Server'] })])]), null)
  })

  it('is found by any of the tags', () => {
    equal(answering([playbook('a.yaml', [trigger({ tags: ['x', 'Domain: Web'] })])]), 'a.yaml')
    equal(answering([playbook('a.yaml', [trigger({ tags: ['x'] })])]), null)
  })

  it('is found by severity, which an alert without one never has', () => {
    const high = [playbook('a.yaml', [trigger({ severity: ['high', 'critical'] })])]
    equal(answering(high, alert({ severity: 'high' })), 'a.yaml')
    equal(answering(high), null)
    equal(answering(high, alert({ severity: null })), null)
  })

  it('must fit all filters of a trigger, and one trigger is enough', () => {
    const both = trigger({ tags: ['Domain: Web'], severity: ['high'] })
    equal(answering([playbook('a.yaml', [both])]), null)
    equal(answering([playbook('a.yaml', [both, trigger({ rules: [RULE.name] })])]), 'a.yaml')
  })

  it('is never a disabled one', () =>
    equal(answering([playbook('a.yaml', [trigger()], { enabled: false }), playbook('b.yaml')]), 'b.yaml'))
})

describe('playbooks that can never match', () => {
  it('are those behind one without a filter', () =>
    deepEqual(neverMatching([playbook('a.yaml'), playbook('b.yaml', [trigger({ tags: ['x'] })])]), ['b.yaml']))

  it('are also those behind wider filters', () =>
    deepEqual(
      neverMatching([
        playbook('a.yaml', [trigger({ tags: ['x', 'y'] })]),
        playbook('b.yaml', [trigger({ tags: ['x'], severity: ['high'] })]),
        playbook('c.yaml', [trigger({ tags: ['x', 'z'] })]),
      ]),
      ['b.yaml'],
    ))

  it('are not those behind a disabled one, and a disabled one is not reported', () =>
    deepEqual(
      neverMatching([
        playbook('a.yaml', [trigger()], { enabled: false }),
        playbook('b.yaml'),
        playbook('c.yaml', [trigger()], { enabled: false }),
      ]),
      [],
    ))

  it('are not those before one without a filter', () =>
    deepEqual(neverMatching([playbook('10.yaml', [trigger({ rules: ['r'] })]), playbook('90.yaml')]), []))
})

describe('zones in playbooks', () => {
  it('are reported when they are not configured', () => {
    const onFailure = { continue: false, retry: null }
    const block = {
      name: 'block',
      type: 'cloudflare.block',
      if: null,
      onFailure,
      durations: [null],
      zones: ['shop', 'blog'],
    } as const
    deepEqual(unknownZones([playbook('a.yaml', [trigger()], { steps: [block] })], ['shop']), [
      { file: 'a.yaml', step: 'block', zone: 'blog' },
    ])
  })
})
