import { equal, ok } from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { readWebhook } from '../../src/receiver/intake.ts'
import { quickest } from '../support/quickest.ts'
import { alertDoc } from './alerts.ts'
import { startReceiver } from './harness.ts'

describe('whatever arrives', () => {
  let receiver: Awaited<ReturnType<typeof startReceiver>>
  before(async () => {
    receiver = await startReceiver({ bodyLimit: 50_000_000 })
  })
  after(() => receiver.stop())

  /** Answers its status; fails on a 5xx or an alert above 8 kB. */
  async function survives(body: string | Uint8Array<ArrayBuffer>): Promise<number> {
    receiver.accepted.length = 0
    const { status, body: answer } = await receiver.send(body)
    ok(status < 500, `answered ${status}: ${answer.message}`)
    ok(receiver.accepted.every((alert) => Buffer.byteLength(JSON.stringify(alert)) <= 8192))
    return status
  }

  it('bytes never break it', async () => {
    const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Uint8Array.from(array))
    await fc.assert(
      fc.asyncProperty(bytes, async (body) => void (await survives(body))),
      { numRuns: 300 },
    )
  })

  it('JSON never breaks it, nor alerts with anything in any field', async () => {
    const keys = [
      '_id',
      '_source',
      'alerts',
      'event',
      'context',
      'rule',
      'source',
      'ip',
      'kibana',
      'alert',
      'tags',
      '__proto__',
    ]
    const names = [
      ...keys,
      'source.ip',
      'kibana.alert.rule.tags',
      'kibana.space_ids',
      '@timestamp',
      'Esql.a',
      'toString',
    ]
    const { value } = fc.letrec((again) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.string({ unit: 'binary' }),
        fc.jsonValue(),
        again('object'),
        again('list'),
      ),
      list: fc.array(again('value'), { maxLength: 4 }),
      object: fc.dictionary(fc.constantFrom(...names), again('value'), { maxKeys: 6 }),
    }))
    const body = fc.oneof(value, fc.record({ _id: fc.string(), source: value, kibana: value, '@timestamp': value }))
    await fc.assert(
      fc.asyncProperty(body, async (json) => void (await survives(JSON.stringify(json) ?? ''))),
      { numRuns: 500 },
    )
  })

  it('keeps each alert under 8 kB, however long its texts are', async () => {
    const long = '\u{1F600}"\u0000'.repeat(1000)
    const addresses = Array.from({ length: 500 }, (_, index) => `${index} ${long}`)
    const alert = {
      _id: '"'.repeat(512),
      _index: long,
      'source.ip': addresses,
      'kibana.alert.rule': { uuid: long, rule_id: long, name: long, tags: addresses },
      'kibana.alert.reason': long,
      Esql: Object.fromEntries(addresses.map((address, index) => [`values_${index}`, address])),
    }
    equal(await survives(JSON.stringify(alert)), 202)
    equal(receiver.accepted.length, 1)
  })

  it('refuses nesting without end, in the body and in a string in it', async () => {
    equal(await survives('['.repeat(1_000_000)), 400)
    equal(await survives('{"a":'.repeat(100_000)), 400)
    equal(await survives(JSON.stringify({ alerts: '['.repeat(1000) + ']'.repeat(1000) })), 400)
    equal(await survives(`{"_id":"deep","source":{"ip":${'['.repeat(90)}${']'.repeat(90)}}}`), 202)
  })

  it('refuses more alerts than Kibana ever sends', async () => {
    equal(await survives(`[${'{},'.repeat(10_000)}{}]`), 413)
    equal(await survives('{}'.repeat(10_001)), 400)
  })

  it('keys like __proto__ stay keys', async () => {
    equal(await survives('{"__proto__":{"_id":"x","source":{"ip":"192.0.2.1"}}}'), 422)
    equal(await survives('{"_id":"y","source":{"__proto__":{"ip":"192.0.2.1"}}}'), 202)
    equal(receiver.accepted[0]?.suspects.length, 0)
    equal(({} as Record<string, unknown>).source, undefined)
  })

  it('takes 1,000 whole alerts of 30 kB', async () => {
    const padding = 'FROM logs-* | WHERE "quoted" \\ \n'.repeat(850)
    const docs = Array.from({ length: 1000 }, (_, at) => ({ ...alertDoc(at), 'kibana.alert.rule.note': padding }))
    const body = JSON.stringify({ alerts: docs })
    ok(body.length > 29_000_000)
    // Four times as long as its JSON alone, on any machine.
    const parsing = quickest(() => JSON.parse(body), 0)
    const reading = quickest(() => equal(readWebhook(body, ['default']).alerts.length, 1000), 0)
    ok(reading < 25 * parsing, `took ${reading} ms, and its JSON alone ${parsing} ms`)
    equal(await survives(body), 202)
    equal(receiver.accepted.length, 1000)
  })
})
