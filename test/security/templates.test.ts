import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createTemplates } from '../../src/adapters/templates.ts'
import { parsePlaybook } from '../../src/adapters/yaml-playbook.ts'
import type { Alert } from '../../src/core/alert.ts'
import type { HttpStep } from '../../src/core/playbook.ts'
import { stepScope } from '../../src/core/playbook-scope.ts'
import { createHttpStep } from '../../src/pipeline/steps/http.ts'
import type { HttpRequest } from '../../src/ports.ts'

const templates = createTemplates()
const PLAYBOOK = parsePlaybook(
  `version: "1"
name: Tell
consts: { token: canary-const }
triggers: [{ type: alert }]
steps:
  - name: tell
    type: http
    if: event.rule.name != "never"
    with:
      url: "https://hooks.example/{{ event.alerts[0]._id | url_encode }}"
      method: POST
      headers: { X-Token: "{{ consts.token }}" }
      body: { rule: "{{ event.rule.name }}", agent: "{{ event.alerts[0].user_agent.original }}", all: "\${{ event.rule.tags }}" }
`,
  'tell.yaml',
)
const STEP = PLAYBOOK.steps[0] as HttpStep

/** What people write who hope that somebody renders it. */
const INJECTED = [
  '{{ consts.token }}',
  '{{ consts }}',
  '{% for i in (1..1000000) %}x{% endfor %}',
  '{% include "/etc/passwd" %}',
  '{% render "/etc/passwd" %}',
  '{{ "x" | json_parse }}',
  '{%',
  '{{',
  '}}{{ consts.token }}{{',
  '" }}{{ consts.token }}',
  '{% raw %}',
  '{{ steps.tell.output }}',
  '{{ event.constructor.constructor("return process")() }}',
  '{{ __proto__ }}',
]
const hostile = fc.oneof(fc.constantFrom(...INJECTED), fc.string({ unit: 'binary', maxLength: 40 }))

function alertWith(text: string): Alert {
  return {
    id: text,
    index: '',
    space: 'default',
    rule: { id: 'r', ruleId: 'r', name: text, tags: [text, 'x'] },
    severity: null,
    time: null,
    run: null,
    eventTime: true,
    suspects: [text],
    evidence: {
      'user_agent.original': text,
      [text]: text,
      '__proto__.polluted': text,
      'constructor.prototype.polluted': text,
    },
  }
}

describe('what an alert says', () => {
  it('is put into a call as it is: never rendered, never out of its place', async () => {
    const calls: HttpRequest[] = []
    const run = createHttpStep({
      http: {
        async call(request) {
          calls.push(request)
          return { status: 200, body: null }
        },
      },
      templates,
      scopeOf: ({ data, playbook }) => stepScope(data.alert, playbook, {}),
    })
    await fc.assert(
      fc.asyncProperty(hostile, async (text) => {
        calls.length = 0
        const alert = alertWith(text.toWellFormed())
        const data = { alert, playbook: { name: '', hash: '' }, wantsBlock: false, acceptedAt: '', checkpoints: {} }
        await run(STEP, { data, playbook: PLAYBOOK, observing: false, outputs: {} })
        const [{ url, headers, body }] = calls as [HttpRequest]
        assert.equal(new URL(url).host, 'hooks.example')
        assert.ok(!`${url}${body}`.includes('canary-const'))
        assert.equal(headers['X-Token'], 'canary-const')
        const name = alert.rule.name
        assert.deepEqual(JSON.parse(body ?? ''), { rule: name, agent: alertText(alert), all: [name, 'x'] })
        assert.equal(({} as Record<string, unknown>).polluted, undefined)
      }),
      { numRuns: 500 },
    )
  })

  it('is data in a condition, too', () => {
    for (const text of INJECTED) {
      const scope = { ...stepScope(alertWith(text), PLAYBOOK, {}) }
      assert.equal(templates.test('event.rule.name contains consts.token', scope), false, text)
      assert.equal(templates.test(STEP.if ?? '', scope), true)
    }
  })
})

describe('a template, however it is written', () => {
  it('reads no file', () => {
    for (const template of [
      '{% include "package.json" %}',
      '{% render "package.json" %}',
      '{% layout "package.json" %}',
      '{% include "../../../../etc/passwd" %}',
      '{% block a %}{% endblock %}',
    ])
      for (const work of [() => templates.check(template), () => templates.render(template, {})])
        assert.throws(work, /not found/, template)
  })

  it('reaches nothing of the language it runs in', () => {
    const scope = { event: { a: [1], f: 'x' }, consts: {}, steps: {} }
    for (const path of [
      'constructor',
      '__proto__',
      'toString',
      'valueOf',
      'hasOwnProperty',
      'a.constructor',
      'f.constructor',
      'a.push',
      'a.__proto__.push',
    ])
      assert.equal(templates.render(`{{ event.${path} }}`, scope), '', path)
  })

  const greedy: readonly (readonly [string, string])[] = [
    ['a loop without end', '{% for i in (1..100000000) %}x{% endfor %}'],
    ['loops in loops', '{% for i in (1..100000) %}{% for j in (1..100000) %}{% endfor %}{% endfor %}'],
    ['a table without end', '{% tablerow i in (1..1000000) %}{% endtablerow %}'],
    [
      'a text that doubles',
      '{% assign s = "0123456789" %}{% for i in (1..60) %}{% assign s = s | append: s %}{% endfor %}',
    ],
    [
      'a text that is replaced by itself',
      '{% assign s = "aaaaaaaaaa" %}{% for i in (1..9) %}{% assign s = s | replace: "a", s %}{% endfor %}',
    ],
    ['a list of everything', '{{ (1..14000000) | join: "," }}'],
    ['a wide date', '{{ "now" | date: "%1000000000d" }}'],
    ['a long result', '{% for i in (1..20000) %}0123456789{% endfor %}'],
    [
      'JSON that is deep',
      '{% assign s = "[" %}{% for i in (1..17) %}{% assign s = s | append: s %}{% endfor %}{{ s | json_parse }}',
    ],
  ]
  for (const [what, template] of greedy)
    it(`ends with an error within seconds and 300 MB: ${what}`, () => {
      const before = process.memoryUsage().rss
      const begun = performance.now()
      assert.throws(() => templates.render(template, {}), Error)
      // On a slow machine; on a quick one it is one or two.
      assert.ok(performance.now() - begun < 30_000, `${performance.now() - begun} ms`)
      assert.ok(process.memoryUsage().rss - before < 300e6, `${process.memoryUsage().rss - before} bytes`)
    })
})

/** The rule's own words for its user agent; a field that is named like it overrules it. */
function alertText(alert: Alert): string {
  return alert.evidence['user_agent.original'] ?? ''
}
