import { deepEqual, equal } from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { field, fieldValues } from '../../src/core/fields.ts'

describe('looking up a field', () => {
  it('finds it however its path is split into keys', () => {
    const path = ['kibana', 'alert', 'rule', 'execution', 'type']
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }), fc.boolean(), (splits, other) => {
        const keys = splits
          .reduce((text, split, at) => text + (split ? '/' : '.') + path[at + 1], path[0] as string)
          .split('/')
        const doc = keys.reduceRight<unknown>(
          (inner, key) => ({ ...(other ? { kibana: 1 } : {}), [key]: inner }),
          'manual',
        )
        equal(field(doc, path.join('.')), 'manual')
      }),
    )
  })

  it('finds it where both spellings exist and only one holds it', () => {
    equal(field({ 'agent.name': 'a', agent: { version: '2' } }, 'agent.version'), '2')
    equal(field({ 'a.b': null, a: { b: 1 } }, 'a.b'), 1)
    equal(field({ 'a.b': { x: 1 }, a: { b: { c: 2 } } }, 'a.b.c'), 2)
  })

  it('never looks beyond own keys', () => {
    equal(field({}, 'constructor.name'), undefined)
    equal(field({ a: 'text' }, 'a.length'), undefined)
    equal(field(JSON.parse('{"__proto__":{"a":1}}'), 'a'), undefined)
    equal(field(null, 'a'), undefined)
  })

  it('gathers values from every spelling and array', () => {
    deepEqual(fieldValues({ 'source.ip': ['a', ['b', null]], source: { ip: 'c' } }, 'source.ip', 9), ['a', 'b', 'c'])
    deepEqual(fieldValues({ source: [{ ip: 'a' }, 5, { ip: ['b', ''] }] }, 'source.ip', 9), ['a', 'b'])
    deepEqual(fieldValues({ a: [1, 2, 3] }, 'a', 2), [1, 2])
    deepEqual(fieldValues({ a: [false, 0] }, 'a', 9), [false, 0])
  })
})
