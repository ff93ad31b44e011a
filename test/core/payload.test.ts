import { deepEqual, equal, match } from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parsePayload } from '../../src/core/payload.ts'
import { parseJsonValues } from '../../src/core/payload-json.ts'
import { quickest } from '../support/quickest.ts'

function payloadOf(body: unknown) {
  const parsed = parsePayload(typeof body === 'string' ? body : JSON.stringify(body))
  if (parsed.kind === 'fault') throw new Error(parsed.fault.message)
  return parsed.payload
}

function idsOf(body: unknown): unknown[] {
  return payloadOf(body).alerts.map(({ value }) => (value as Record<string, unknown>)._id)
}

function faultOf(text: string): string {
  const parsed = parsePayload(text)
  return parsed.kind === 'fault' ? `${parsed.fault.kind}: ${parsed.fault.message}` : 'none'
}

describe('reading JSON', () => {
  it('reads what JSON.parse reads', () => {
    fc.assert(fc.property(fc.json({ depthSize: 'medium' }), (text) => deepEqual(valuesOf(text), [JSON.parse(text)])))
  })

  it('reads documents one after the other as it reads each', () => {
    const separator = fc.constantFrom('\n', ' ', ',', '\r\n', ', ')
    fc.assert(
      fc.property(fc.array(fc.object(), { minLength: 2 }), separator, (documents, between) => {
        deepEqual(valuesOf(documents.map((one) => JSON.stringify(one)).join(between)), documents.map(plain))
      }),
    )
  })

  it('finds fault with exactly what JSON.parse refuses', () => {
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"\\u12',
      '"\\n"',
      '"',
      '1',
      '-',
      '01',
      '1e5',
      'true',
      'nul',
      ' ',
      '\n',
      '\\',
    )
    fc.assert(
      fc.property(fc.array(pieces), (parts) => {
        // Within brackets, so that several documents are no question.
        const text = `[${parts.join('')}]`
        const parsed = parseJsonValues(text)
        const several = parsed.kind === 'values' && parsed.values.length > 1
        equal(parsed.kind === 'values', several || isJson(text), text)
      }),
      { numRuns: 3000 },
    )
  })

  it('names the place', () => {
    const places: [string, string][] = [
      ['{"a": 1,\n "b": }', 'line 2, column 7: unexpected `}`'],
      ['{"a" 1}', 'line 1, column 6: unexpected `1`'],
      ['[1, 2', 'line 1, column 6: the text ends too early, after `[1, 2`'],
      ['{"a": "x\ny"}', 'line 1, column 9: unexpected ` `'],
      ['{"a": "\\x"}', 'line 1, column 8: unexpected `\\`'],
      ['{}\n{}\n]', 'line 3, column 1: unexpected `]`'],
      ['<html>', 'line 1, column 1: unexpected `<`'],
    ]
    for (const [text, place] of places) match(faultOf(text), literally(place))
  })

  it('takes linear time over hostile text', () => {
    const texts = [
      '"\\'.repeat(500_000),
      '\\'.repeat(1_000_000),
      '{"":'.repeat(300_000),
      '[1,'.repeat(99) + '1,'.repeat(250_000),
    ]
    for (const text of [
      ...texts,
      '"'.repeat(1_000_000),
      '\n'.repeat(1_000_000),
      '{} '.repeat(150_000),
      ']'.repeat(1_000_000),
    ]) {
      const ms = quickest(() => parsePayload(text), 1000)
      equal(ms < 1000, true, `${text.slice(0, 8)}… took ${ms} ms`)
    }
  })
})

describe('finding alerts', () => {
  it('finds them under every name', () => {
    const alerts = [{ _id: 'a' }, { _id: 'b' }]
    const bodies = [
      { alerts },
      { alerts_json: JSON.stringify(alerts) },
      { alerts: alerts.map((alert) => JSON.stringify(alert)).join(',') },
      { context: { alerts } },
      { 'context.alerts': alerts },
      { alerts: { new: { count: 2, data: alerts } } },
      { alerts: { new: { count: 0, data: [] }, all: { count: 2, data: alerts } } },
      { alerts: { new: { count: 2, data: alerts }, all: { count: 0, data: [] } } },
      { 'alerts.new.data': JSON.stringify(alerts) },
      { event: { alerts, rule: {}, spaceId: 'x' } },
      alerts,
      JSON.stringify({ alerts }),
      JSON.stringify(JSON.stringify({ alerts })),
    ]
    for (const body of bodies) deepEqual(idsOf(body), ['a', 'b'], JSON.stringify(body))
  })

  it('takes one alert as it is', () => {
    deepEqual(idsOf({ _id: 'a', alerts: [{ _id: 'no' }] }), ['a'])
    deepEqual(idsOf({ alerts: { _id: 'a' } }), ['a'])
    equal(payloadOf({ 'kibana.alert.uuid': 'a' }).alerts.length, 1)
    equal(payloadOf({ kibana: { 'alert.uuid': 'a' } }).alerts.length, 1)
    equal(payloadOf({ _source: {} }).alerts.length, 1)
  })

  it('gives each document its own envelope', () => {
    const { alerts, envelopes } = payloadOf(
      '{"alerts":[{"_id":"a"}],"space_id":"x","total":"2"}\n{"alerts":[{"_id":"b"}],"spaceId":"y"}',
    )
    deepEqual(
      alerts.map(({ path, envelope }) => [path, envelope.space, envelope.total]),
      [
        ['/0/alerts/0', 'x', 2],
        ['/1/alerts/0', 'y', null],
      ],
    )
    equal(envelopes.length, 2)
  })

  it('reads the rule and the count wherever they stand', () => {
    const [whole] = payloadOf({
      context: { alerts: [], rule: { id: 'i', rule_id: 'r', name: 'n', severity: 'low' } },
      state: { signals_count: 5 },
    }).envelopes
    deepEqual(whole, {
      space: null,
      rule: { id: 'i', ruleId: 'r', name: 'n', tags: [], severity: 'low' },
      total: 5,
      sentAt: null,
      arrived: 0,
    })
    const [event] = payloadOf({ event: { alerts: [], rule: { id: 'i', tags: ['t'] }, spaceId: 's' } }).envelopes
    deepEqual([event?.rule.id, event?.rule.tags, event?.space], ['i', ['t'], 's'])
    equal(payloadOf({ alerts: [], total: '' }).envelopes[0]?.total, null)
  })

  it('says where a string of alerts goes wrong', () => {
    match(
      faultOf(JSON.stringify({ alerts: '{"_id":"a"},{"_id":' })),
      /^not-json: The text at \/alerts is not JSON at line 1, column 20/,
    )
    match(faultOf(JSON.stringify({ alerts: '{{context.alerts}}' })), /^unrendered: The connection works/)
  })

  it('quotes a template error only where it is the whole body', () => {
    match(faultOf('error rendering mustache template "{": oh'), /^template-error: .*"{": oh$/)
    equal(faultOf(JSON.stringify([{ _id: 'error rendering mustache template "x"' }])), 'none')
  })
})

function valuesOf(text: string): readonly unknown[] {
  const parsed = parseJsonValues(text)
  return parsed.kind === 'values' ? parsed.values : [parsed.fault.message]
}

function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value))
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function literally(text: string): RegExp {
  return new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
}
