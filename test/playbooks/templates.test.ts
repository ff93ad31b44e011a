import { deepEqual, equal, throws } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createTemplates } from '../../src/adapters/templates.ts'

const templates = createTemplates()
const SCOPE = {
  event: { alerts: [{ _id: 'a1', source: { ip: '192.0.2.1' } }], rule: { name: 'Web Scan', tags: ['x', 'y'] } },
  consts: { limit: 3, on: false },
  steps: { 'look-up': { output: { hits: [1, 2] } } },
}

/** ${{ … }}, which is no template literal of ours. */
const typed = (expression: string) => ['$', '{{ ', expression, ' }}'].join('')

describe('templates', () => {
  it('fill in text', () =>
    equal(
      templates.render('{{ event.rule.name | upcase }}: {{ event.alerts[0].source.ip }}', SCOPE),
      'WEB SCAN: 192.0.2.1',
    ))

  it('keep the type of a value that is one typed expression as a whole', () => {
    deepEqual(templates.renderDeep(typed('steps["look-up"].output.hits'), SCOPE), [1, 2])
    equal(templates.renderDeep(` ${typed('consts.limit | plus: 1')} `, SCOPE), 4)
    equal(templates.renderDeep(typed('consts.on'), SCOPE), false)
    equal(templates.renderDeep('{{ consts.limit }}', SCOPE), '3')
  })

  it('refuse typed expressions within text, which Elastic refuses too', () => {
    for (const template of [`a ${typed('consts.limit')}`, `${typed('consts.limit')} and ${typed('consts.on')}`]) {
      throws(() => templates.renderDeep(template, SCOPE), /must be the whole value/)
      throws(() => templates.check(template), /must be the whole value/)
    }
  })

  it('are found at any depth, and other values are left alone', () =>
    deepEqual(templates.renderDeep({ a: ['{{ event.alerts[0]._id }}', 1, null], b: { c: true } }, SCOPE), {
      a: ['a1', 1, null],
      b: { c: true },
    }))

  it('write JSON', () => equal(templates.render('{{ event.rule.tags | json }}', SCOPE), '["x","y"]'))

  it('have the filters that Elastic adds', () => {
    deepEqual(templates.renderDeep(typed('"[1,2]" | json_parse'), SCOPE), [1, 2])
    equal(templates.render('{{ consts | entries | map: "key" | join: "," }}', SCOPE), 'limit,on')
  })

  it('render what is missing as nothing', () => equal(templates.render('[{{ event.none.at.all }}]', SCOPE), '[]'))

  it('refuse filters and tags that do not exist', () => {
    throws(() => templates.render('{{ event | nonsense }}', SCOPE), /undefined filter: nonsense/)
    throws(() => templates.render('{% nonsense %}', SCOPE), /tag "nonsense" not found/)
  })

  it('cannot read files', () => {
    for (const tag of ['include', 'render', 'layout'])
      throws(() => templates.render(`{% ${tag} "/etc/passwd" %}`, SCOPE), /not found/)
  })

  it('see own properties only', () => {
    equal(templates.render('{{ event.constructor }}{{ event.__proto__ }}{{ event.toString }}', SCOPE), '')
    const inherited = Object.create({ hidden: 'seen' }) as Record<string, unknown>
    equal(templates.render('{{ consts.hidden }}', { consts: inherited }), '')
  })

  it('stop at their limits', () => {
    throws(() => templates.render('x'.repeat(150_001), SCOPE), /limit/)
    throws(() => templates.render('{% for i in (1..100000000) %}x{% endfor %}', SCOPE), /limit/)
    throws(
      () =>
        templates.render(
          '{% assign s = "0123456789" %}{% for i in (1..40) %}{% assign s = s | append: s %}{% endfor %}',
          SCOPE,
        ),
      /limit/,
    )
    throws(() => templates.render('{% for i in (1..20000) %}0123456789{% endfor %}', SCOPE), /longer than 150000/)
  })
})

describe('conditions', () => {
  it('hold or not', () => {
    equal(templates.test('event.rule.name contains "Scan" and consts.limit > 2', SCOPE), true)
    equal(templates.test('event.rule.name == "other"', SCOPE), false)
    equal(templates.test('consts.on', SCOPE), false)
    equal(templates.test('event.none', SCOPE), false)
    equal(templates.test('not event.none', SCOPE), true)
    equal(templates.test('consts.limit >= 3 and event.rule.tags contains "x" | default: false', SCOPE), true)
    equal(templates.test('{{ event.rule.tags contains "x" }}', SCOPE), true)
  })

  it('are refused when they cannot be read', () => {
    for (const condition of [
      '',
      'a b',
      'a == b c',
      'a and',
      '== b',
      'a == "x" %}{% if true',
      'event.x : "y"',
      'a | nonsense',
    ])
      throws(() => templates.test(condition, SCOPE), Error, condition)
  })

  it('say which variables they read', () =>
    deepEqual(templates.checkCondition('event.rule.name == consts.limit'), [
      ['event', 'rule', 'name'],
      ['consts', 'limit'],
    ]))
})
