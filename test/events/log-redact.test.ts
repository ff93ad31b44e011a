import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createRedactor } from '../../src/log-redact.ts'

const SECRET = 's3cr3t/with+signs=='
const DISGUISES = [SECRET, encodeURIComponent(SECRET), Buffer.from(SECRET).toString('base64')]
const redact = createRedactor([SECRET, 'another-secret-that-nobody-uses'])

describe('redacting', () => {
  it('finds a secret wherever it stands among plain values, also as a key, and in every disguise', () =>
    fc.assert(
      fc.property(
        fc.object({ maxDepth: 4 }),
        fc.constantFrom(...DISGUISES),
        fc.array(fc.constantFrom('a', 'b', 0), { maxLength: 6 }),
        fc.boolean(),
        (around, hidden, path, asKey) => {
          let value: unknown = asKey ? { [`x${hidden}`]: 1 } : `x ${hidden} y`
          for (const step of path) value = step === 0 ? [1, value] : { ...around, [step]: value }
          ok(!JSON.stringify(redact({ value })).includes(hidden))
        },
      ),
    ))

  it('finds what follows Bearer, ApiKey or Basic, and the user of a URL, at the start of a text as within', () => {
    for (const text of ['Bearer abcdef0123', 'x apikey abcdef0123', 'basic abcdef0123', 'redis://me:abcdef0123@db'])
      for (const value of [text, [text], { a: ['', text] }, { [text]: true }])
        ok(!JSON.stringify(redact(value)).includes('abcdef0123'), text)
  })

  it('hides what stands under a key that names a secret, and leaves the rest', () =>
    deepEqual(redact({ token: 'x', tokens: 3, a: { 'api-key': 'y', secret: '' } }), {
      token: '[redacted]',
      tokens: 3,
      a: { 'api-key': '[redacted]', secret: '' },
    }))

  it('gives back plain values without a secret as they are', () => {
    const line = { message: 'alert 7 blocked', labels: { edge: 'shop', bans: 2 }, 'related.ip': ['203.0.113.7', null] }
    equal(redact(line), line)
  })

  it('writes out what JSON cannot, wherever it stands', () =>
    deepEqual(redact({ a: [{ big: 1n, when: new Date(0), gone: () => 1 }] }), {
      a: [{ big: '1', when: '1970-01-01T00:00:00.000Z', gone: undefined }],
    }))
})
