import { deepEqual, equal, match } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { addressesOf, alertDoc, alertDocs } from './alerts.ts'
import { startReceiver } from './harness.ts'
import { renderBody, summaryOf } from './kibana-render.ts'

const fixture = (name: string) => readFileSync(new URL(`../fixtures/webhooks/${name}`, import.meta.url), 'utf8')

const WHOLE = [
  ['the recommended template', fixture('full.mustache')],
  ['the slim template', fixture('slim.mustache')],
  ['alerts as JSON', '{"alerts": {{{context.alerts.asJSON}}}}'],
  ['alerts joined by commas', '{"alerts": [{{{context.alerts}}}]}'],
  ['the whole context', '{{{context}}}'],
  ['new alerts as JSON', '{"alerts": {{{alerts.new.data.asJSON}}}}'],
  ['the whole of alerts.new', '{"alerts": {"new": {{{alerts.new}}}}}'],
  ['the whole of alerts', '{"alerts": {{{alerts}}}}'],
  ['a string of an array', '{"alerts_json": "{{context.alerts.asJSON}}"}'],
  ['a string of objects joined by commas', '{"alerts": "{{context.alerts}}"}'],
  ['the array alone', '{{{context.alerts.asJSON}}}'],
  ['objects one after the other', '{{#context.alerts}}{{{.}}}{{/context.alerts}}'],
  ['an object a line', '{{#context.alerts}}{{{.}}}\n{{/context.alerts}}'],
  ['objects joined by commas, and nothing else', '{{{context.alerts}}}'],
  ['the event of a workflow', '{"event": {{{context}}}}'],
  [
    'the bare event of a workflow',
    '{"alerts": {{{context.alerts.asJSON}}}, "rule": {{{rule}}}, "spaceId": "default", "params": {}}',
  ],
] as const

describe('what Kibana renders', () => {
  let receiver: Awaited<ReturnType<typeof startReceiver>>
  before(async () => {
    receiver = await startReceiver()
  })
  after(() => receiver.stop())

  async function deliver(template: string, count: number) {
    receiver.accepted.length = 0
    return receiver.send(renderBody(template, summaryOf(alertDocs(count))))
  }

  for (const [name, template] of WHOLE) {
    for (const count of [0, 1, 3, 100]) {
      it(`yields exactly its alerts: ${name}, ${count} of them`, async () => {
        const answer = await deliver(template, count)
        equal(answer.status, 202, answer.body.message)
        deepEqual(answer.body.invalid, [])
        equal(answer.body.accepted, count)
        deepEqual(
          receiver.accepted.map(({ id, suspects, space, rule, severity, time, eventTime, run }) => {
            return { id, suspects, space, ruleId: rule.ruleId, tags: rule.tags, severity, time, eventTime, run }
          }),
          Array.from({ length: count }, (_, position) => ({
            id: `alert-${position}`,
            suspects: addressesOf(position),
            space: 'default',
            ruleId: 'rule-static-id',
            tags: ['Domain: Web', 'T1595'],
            severity: 'high',
            time: '2026-03-01T09:59:00.000Z',
            eventTime: true,
            run: 'scheduled',
          })),
        )
      })
    }
  }

  it('takes the templates that the documentation gives', async () => {
    const pages = ['README.md', 'docs/elastic.md'].map((page) =>
      readFileSync(new URL(`../../${page}`, import.meta.url), 'utf8'),
    )
    const blocks = pages.flatMap((page) => [...page.matchAll(/^```\w*\n(.*?)^```$/gms)].map(([, block]) => block ?? ''))
    const templates = blocks.filter(
      (block) => block.includes('{{#context.alerts}}') || block.includes('context.alerts.asJSON'),
    )
    equal(templates.length, 2)
    for (const template of templates) {
      for (const count of [0, 1, 3, 100]) {
        equal((await deliver(template, count)).body.accepted, count)
        deepEqual(
          receiver.accepted.map(({ suspects, eventTime, run }) => ({ suspects, eventTime, run })),
          Array.from({ length: count }, (_, at) => ({ suspects: addressesOf(at), eventTime: true, run: 'scheduled' })),
        )
      }
    }
  })

  it('takes what ParseHjson makes of ids alone', async () => {
    const template = '{{#ParseHjson}}{alerts:[{{#context.alerts}}{id:"{{_id}}"},{{/context.alerts}}]}{{/ParseHjson}}'
    equal((await deliver(template, 0)).status, 202)
    equal((await deliver(template, 3)).body.accepted, 3)
    deepEqual(
      receiver.accepted.map(({ id }) => id),
      ['alert-0', 'alert-1', 'alert-2'],
    )
  })

  for (const template of [
    '{"alerts": "{{{context.alerts}}}"}',
    '{"alerts": [{{context.alerts}}]}',
    '{"alerts": {{context.alerts.asJSON}}}',
    '{"alerts": [{{#context.alerts}}{{{.}}},{{/context.alerts}}]}',
  ]) {
    for (const count of [1, 3, 100]) {
      it(`names the place where ${template} goes wrong with ${count}`, async () => {
        const answer = await deliver(template, count)
        equal(answer.status, 400)
        match(answer.body.message, /^The body is not JSON at line \d+, column \d+: /)
        equal(receiver.accepted.length, 0)
      })
    }
  }

  it('says that the Test tab does not fill templates in', async () => {
    for (const [name, template] of WHOLE) {
      const answer = await receiver.send(template)
      equal(answer.status, 400, name)
      match(answer.body.message, /The connection works.*Test tab/, name)
    }
  })

  it('quotes the error of a template that Kibana could not render', async () => {
    const answer = await deliver('{"alerts": {{#context.alerts}} }', 1)
    equal(answer.status, 400)
    match(
      answer.body.message,
      /Kibana could not render the body: error rendering mustache template ".*Unclosed section/,
    )
  })

  it('does not take an attacker for the template', async () => {
    const doc = { ...alertDoc(0), user_agent: { original: '{{context.alerts}}' } }
    const broken = renderBody('{"alerts": {{{context.alerts.asJSON}}}', summaryOf([doc]))
    match((await receiver.send(broken)).body.message, /^The body is not JSON at line 1, .*ends too early/)
  })

  it('tells when Kibana counted more alerts than it sent', async () => {
    await receiver.send(renderBody(fixture('slim.mustache'), summaryOf(alertDocs(3), 140)))
    deepEqual(receiver.incomplete, [{ total: 140, arrived: 3, rule: 'Fuzzing, "quoted" \\ \n rule' }])
  })
})
