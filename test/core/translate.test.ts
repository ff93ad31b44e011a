import { deepEqual, equal, match } from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Alert } from '../../src/core/alert.ts'
import { parsePayload } from '../../src/core/payload.ts'
import { pickFields, type Translated, translate } from '../../src/core/translate.ts'

function translated(doc: unknown, around: object = {}, spaces = ['default', 'soc']): Translated {
  const parsed = parsePayload(JSON.stringify({ ...around, alerts: [doc] }))
  if (parsed.kind === 'fault') throw new Error(parsed.fault.message)
  const [raw] = parsed.payload.alerts
  const picked = pickFields(raw?.value)
  if (raw === undefined || picked === null) throw new Error('no alert')
  return translate(picked, raw, spaces)
}

function alertOf(doc: object, around: object = {}): Alert {
  const result = translated({ _id: 'a', ...doc }, around)
  if (result.kind !== 'alert') throw new Error(JSON.stringify(result))
  return result.alert
}

const suspectsOf = (doc: object) => alertOf(doc).suspects

describe('translating an alert', () => {
  it('reads an alert as Elasticsearch stores it', () => {
    const doc = {
      _id: 'abc',
      _index: '.internal.alerts-security.alerts-soc-000001',
      _source: {
        '@timestamp': '2026-03-01T10:00:00.000Z',
        'kibana.alert.rule.parameters': { rule_id: 'static' },
        'kibana.alert.rule.uuid': 'installed',
        'kibana.alert.rule.name': 'Fuzzing',
        'kibana.alert.rule.tags': ['Domain: Web'],
        'kibana.alert.rule.execution.type': 'manual',
        'kibana.alert.severity': 'high',
        'kibana.alert.reason': 'because',
        'agent.name': 'one',
        agent: { version: '2' },
        'Esql.url_values': ['/a', '/b'],
        source: { ip: '198.51.100.7' },
      },
    }
    deepEqual(alertOf(doc), {
      id: 'abc',
      index: '.internal.alerts-security.alerts-soc-000001',
      space: 'soc',
      rule: { id: 'installed', ruleId: 'static', name: 'Fuzzing', tags: ['Domain: Web'] },
      severity: 'high',
      time: '2026-03-01T10:00:00.000Z',
      run: 'manual',
      eventTime: false,
      suspects: ['198.51.100.7'],
      evidence: { 'kibana.alert.reason': 'because', 'agent.name': 'one', 'Esql.url_values': '/a, /b' },
    })
  })

  it('reads the legacy names', () => {
    const rule = { id: 'i', rule_id: 'r', name: 'n', severity: 'critical', tags: ['t'] }
    const alert = alertOf({
      _index: '.siem-signals-soc-000001',
      signal: { rule, original_time: '2026-03-01T10:00:00Z' },
    })
    deepEqual(alert.rule, { id: 'i', ruleId: 'r', name: 'n', tags: ['t'] })
    deepEqual(
      [alert.space, alert.severity, alert.time, alert.eventTime],
      ['soc', 'critical', '2026-03-01T10:00:00.000Z', true],
    )
  })

  it('falls back on what the body says of all alerts', () => {
    const rule = { id: 'i', rule_id: 'r', name: 'n', tags: 'a, b', severity: 'low' }
    const alert = alertOf({}, { rule, space_id: 'soc' })
    deepEqual(alert.rule, { id: 'i', ruleId: 'r', name: 'n', tags: ['a', 'b'] })
    deepEqual([alert.severity, alert.space], ['low', 'soc'])
  })

  it('believes the alert before the body, the body before the index, and else takes the first space', () => {
    const index = { _index: '.alerts-security.alerts-soc' }
    equal(alertOf({ 'kibana.space_ids': ['soc'] }, { space_id: 'default' }).space, 'soc')
    equal(alertOf(index, { space_id: 'default' }).space, 'default')
    equal(alertOf(index).space, 'soc')
    equal(alertOf({}).space, 'default')
    const refused = translated({ _id: 'a', 'kibana.space_ids': ['x'] })
    match(refused.kind === 'invalid' ? String(refused.errors) : '', /"x" is not one of ELASTIC_SPACE/)
  })

  it('keeps suspects as the text that arrived', () => {
    const texts = ['1.2.3.4) or (true', '::ffff:10.0.0.1', 'fe80::1%eth0', '0.0.0.0/0', ' 1.2.3.4']
    for (const text of texts) deepEqual(suspectsOf({ source: { ip: text } }), [text])
  })

  it('takes several addresses, in an array or joined by commas, each once', () => {
    deepEqual(suspectsOf({ 'source.ip': ['192.0.2.1', '192.0.2.2', '192.0.2.1'] }), ['192.0.2.1', '192.0.2.2'])
    deepEqual(suspectsOf({ source_ip: '192.0.2.1, 192.0.2.2,' }), ['192.0.2.1', '192.0.2.2'])
    deepEqual(suspectsOf({ source: { ip: '192.0.2.1' }, source_ip: '192.0.2.2' }), ['192.0.2.1'])
  })

  it('finds no suspect where there is none', () => {
    for (const doc of [{}, { source: { ip: null } }, { source_ip: '' }, { 'source.ip': [] }])
      deepEqual(suspectsOf(doc), [])
  })

  it('shows what is no text as JSON', () => {
    deepEqual(suspectsOf({ source: { ip: [{ a: 1 }, 7, true] } }), ['{"a":1}', '7', 'true'])
  })

  it('never cuts a text into an address', () => {
    const [cut] = suspectsOf({ source: { ip: `192.0.2.1${' '.repeat(200)}` } })
    equal(cut?.length, 100)
    match(cut as string, /…$/)
  })

  it('says how many suspects it had no room for', () => {
    const many = Array.from({ length: 80 }, (_, index) => `2001:db8:1111:2222:3333:4444:5555:${index + 1000}`)
    const suspects = suspectsOf({ source: { ip: many } })
    deepEqual(suspects, [...many.slice(0, 49), '(and 31 more)'])
  })

  it('says that there may be more addresses where it stopped reading, however often one is repeated', () => {
    const same = Array.from({ length: 1200 }, () => '192.0.2.1')
    for (const ip of [[...same, '192.0.2.2'], [...same, '192.0.2.2'].join(','), `${','.repeat(1200)}192.0.2.2`])
      equal(suspectsOf({ source: { ip } }).at(-1), '(and more)')
    deepEqual(suspectsOf({ source: { ip: same.slice(0, 900) } }), ['192.0.2.1'])
  })

  it('takes a time only when it is one, without a zone as UTC', () => {
    const timeOf = (time: unknown) => alertOf({ '@timestamp': time }).time
    equal(timeOf('2026-03-01T10:00:00.5+02:00'), '2026-03-01T08:00:00.500Z')
    equal(timeOf('2026-03-01T10:00:00'), '2026-03-01T10:00:00.000Z')
    equal(timeOf(1_772_359_200_000), '2026-03-01T10:00:00.000Z')
    for (const time of ['yesterday', '1', '', '2026-13-01T00:00:00Z', 1e300]) equal(timeOf(time), null)
  })

  it('skips building blocks', () => {
    deepEqual(translated({ _id: 'a', 'kibana.alert.building_block_type': 'default' }), {
      kind: 'skipped',
      reason: 'building-block',
    })
  })

  it('refuses an alert without an id, with an endless one, or with that of a template', () => {
    for (const [id, why] of [
      ['', /neither _id/],
      ['x'.repeat(513), /512 bytes/],
      ['{{_id}}', /Test tab/],
    ] as const) {
      const result = translated({ _id: id, source: { ip: '192.0.2.1' } })
      match(result.kind === 'invalid' ? String(result.errors) : '', why)
    }
  })

  it('holds nothing that a database refuses', () => {
    const alert = alertOf({
      source: { ip: 'a\u0000\ud800' },
      'kibana.alert.rule.name': '\udc00',
      url: { path: '\u0000' },
    })
    deepEqual([alert.suspects[0], alert.rule.name, alert.evidence['url.path']], ['a\ufffd\ufffd', '\ufffd', '\ufffd'])
  })

  it('keeps evidence short', () => {
    const doc = {
      url: { original: 'x'.repeat(1000) },
      Esql: Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`c${i}`, i])),
    }
    const { evidence } = alertOf(doc)
    equal(evidence['url.original']?.length, 300)
    equal(Object.keys(evidence).length, 20)
  })
})
