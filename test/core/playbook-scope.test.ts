import { deepEqual, equal } from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Alert } from '../../src/core/alert.ts'
import { stepScope } from '../../src/core/playbook-scope.ts'

const ALERT: Alert = {
  id: 'a1',
  index: '.internal.alerts-security.alerts-default-000001',
  space: 'soc',
  rule: { id: 'uuid-1', ruleId: 'static-1', name: 'Fuzzing', tags: ['Domain: Web'] },
  severity: 'high',
  time: '2026-01-02T03:04:05.000Z',
  run: 'scheduled',
  eventTime: true,
  suspects: ['192.0.2.1'],
  evidence: { 'url.original': '/admin', 'kibana.alert.rule.name': 'forged', 'source.ip.x': 'odd' },
}

describe('what a template sees', () => {
  it('is the alert as it looks in Elastic', () => {
    const { event } = stepScope(ALERT, { consts: {} }, {})
    deepEqual(event.rule, { id: 'uuid-1', name: 'Fuzzing', tags: ['Domain: Web'] })
    equal(event.spaceId, 'soc')
    deepEqual(event.alerts, [
      {
        _id: 'a1',
        _index: '.internal.alerts-security.alerts-default-000001',
        '@timestamp': '2026-01-02T03:04:05.000Z',
        source: { ip: '192.0.2.1' },
        url: { original: '/admin' },
        kibana: {
          space_ids: ['soc'],
          alert: {
            uuid: 'a1',
            severity: 'high',
            original_time: '2026-01-02T03:04:05.000Z',
            rule: {
              uuid: 'uuid-1',
              rule_id: 'static-1',
              name: 'Fuzzing',
              tags: ['Domain: Web'],
              execution: { type: 'scheduled' },
            },
          },
        },
      },
    ])
  })

  it('has several addresses as a list', () => {
    const [alert] = stepScope({ ...ALERT, suspects: ['192.0.2.1', '192.0.2.2'] }, { consts: {} }, {}).event.alerts
    deepEqual((alert.source as { ip: unknown }).ip, ['192.0.2.1', '192.0.2.2'])
  })

  it('has the constants, and the outputs of finished steps by name', () => {
    const scope = stepScope(ALERT, { consts: { team: 'web' } }, { notify: { status: 200 } })
    deepEqual(scope.consts, { team: 'web' })
    deepEqual(scope.steps, { notify: { output: { status: 200 } } })
  })

  it('cannot be reached through a prototype', () => {
    stepScope(
      { ...ALERT, evidence: { '__proto__.polluted': 'yes', 'a.__proto__.polluted': 'yes' } },
      { consts: {} },
      {},
    )
    equal(({} as Record<string, unknown>).polluted, undefined)
  })
})
