import assert from 'node:assert/strict'
import { BlockList } from 'node:net'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ExpressionError } from '../../src/core/expression/expression-error.ts'
import { parseExpression } from '../../src/core/expression/parse.ts'
import { serializeExpression } from '../../src/core/expression/serialize.ts'
import { quickest } from '../support/quickest.ts'

const rewritten = (text: string) => {
  const { terms, clauses } = parseExpression(text)
  return serializeExpression({ terms: terms.map((term) => term.text), clauses })
}

// ---- random expressions over a small world, with opaque foreign conditions ----------------------

const OPAQUE = [
  'ssl',
  'http.host eq "a) or (b"',
  'http.host eq r#"x" or ip.src eq 1.1.1.1 or "y"#',
  'http.request.uri.path matches "["(]or"',
  'any(http.request.headers["or"][*] in {"}" "or"})',
  'ip.src in $office',
  'tcp.srcport in {80 443}',
  'ip.src ne 9.9.9.9',
]
const HOSTS = ['1.1.1.1', '1.1.1.2', '1.1.1.9', '2001:db8::1', '2001:db8::9'] as const
const TERMS = [...HOSTS, '1.1.1.0/30', '1.1.1.2..1.1.1.9', '2001:DB8::/126', '2001:db8::2..2001:db8::9'] as const

const space = fc.constantFrom(' ', '  ', '\n', ' \r\n ')
const maybe = fc.constantFrom('', '', ' ', '\n')
const joined = (...parts: fc.Arbitrary<string>[]) => fc.tuple(...parts).map((texts) => texts.join(''))
const word = (...texts: string[]) => joined(space, fc.constantFrom(...texts), space)

/** Texts by how tightly they bind; `own` only at the places where the issue is what becomes of it. */
const { chain } = fc.letrec<Record<'own' | 'tight' | 'and' | 'xor' | 'chain', string>>((tie) => ({
  own: fc.oneof(
    joined(fc.constant('ip.src'), word('eq', '=='), fc.constantFrom(...HOSTS)),
    joined(
      fc.constant('ip.src in {'),
      fc.array(fc.constantFrom(...TERMS), { maxLength: 3 }).chain((terms) => space.map((gap) => terms.join(gap))),
      fc.constant('}'),
    ),
  ),
  tight: fc.oneof(
    { maxDepth: 4 },
    { weight: 2, arbitrary: tie('own') },
    { weight: 2, arbitrary: fc.constantFrom(...OPAQUE) },
    { weight: 2, arbitrary: joined(fc.constant('('), maybe, tie('chain'), maybe, fc.constant(')')) },
    { weight: 1, arbitrary: joined(fc.constantFrom('not ', '!', '! '), tie('tight')) },
  ),
  and: fc.oneof(
    { maxDepth: 4 },
    { weight: 4, arbitrary: tie('tight') },
    { weight: 1, arbitrary: joined(tie('tight'), word('and', '&&'), tie('and')) },
  ),
  xor: fc.oneof(
    { maxDepth: 4 },
    { weight: 6, arbitrary: tie('and') },
    { weight: 1, arbitrary: joined(tie('and'), word('xor', '^^'), tie('xor')) },
  ),
  chain: fc.oneof(
    { maxDepth: 4 },
    { weight: 1, arbitrary: tie('xor') },
    { weight: 2, arbitrary: joined(tie('xor'), word('or', '||'), tie('chain')) },
  ),
}))

/** What an expression says of one client, worked out from its text alone; `truths` by the place in OPAQUE. */
function evaluate(text: string, client: string, truths: readonly boolean[]): boolean {
  let rest = text
  const take = (pattern: RegExp) => {
    const match = pattern.exec(rest)
    if (match !== null) rest = rest.slice(match[0].length)
    return match
  }
  const leftToRight = (operator: RegExp, operand: () => boolean, join: (a: boolean, b: boolean) => boolean) => {
    let value = operand()
    while (take(operator) !== null) value = join(value, operand())
    return value
  }
  const or = (): boolean => leftToRight(/^[ \r\n]*(or|\|\|)/, xor, (a, b) => a || b)
  const xor = (): boolean => leftToRight(/^[ \r\n]*(xor|\^\^)/, and, (a, b) => a !== b)
  const and = (): boolean => leftToRight(/^[ \r\n]*(and|&&)/, tight, (a, b) => a && b)
  const tight = (): boolean => {
    take(/^[ \r\n]*/)
    if (take(/^(not|!)/) !== null) return !tight()
    if (take(/^\(/) !== null) {
      const value = or()
      assert.ok(take(/^[ \r\n]*\)/), `no ")" at ${rest}`)
      return value
    }
    const opaque = OPAQUE.findIndex((condition) => rest.startsWith(condition))
    if (opaque >= 0) {
      rest = rest.slice(OPAQUE[opaque]?.length)
      return truths[opaque] === true
    }
    const own =
      take(/^ip\.src[ \r\n]+(?:in \{([^}]*)\}|(?:eq|==)[ \r\n]+([^ \r\n)]+))/) ?? assert.fail(`what is ${rest}?`)
    return isListed(client, (own[1] ?? own[2] ?? '').split(/[ \r\n]+/).filter(Boolean))
  }
  const value = or()
  assert.equal(rest.trim(), '')
  return value
}

function isListed(client: string, terms: readonly string[]): boolean {
  const list = new BlockList()
  for (const term of terms) {
    const family = familyOf(term)
    const [first = '', last] = term.split('..')
    const [network = '', prefix] = first.split('/')
    if (last !== undefined) list.addRange(first, last, family)
    else list.addSubnet(network, Number(prefix ?? (family === 'ipv4' ? 32 : 128)), family)
  }
  return list.check(client, familyOf(client))
}

const familyOf = (text: string) => (text.includes(':') ? 'ipv6' : 'ipv4')

const client = fc.constantFrom(...HOSTS, '1.1.1.3', '1.1.1.4', '7.7.7.7', '2001:db8::3', '2001:db8::4', '2001:db8::a')
const truths = fc.array(fc.boolean(), { minLength: OPAQUE.length, maxLength: OPAQUE.length })

describe('laws of expressions', () => {
  it('what is written again says the same of every client', () => {
    fc.assert(
      fc.property(chain, client, truths, (text, who, what) => {
        assert.equal(evaluate(rewritten(text), who, what), evaluate(text, who, what), rewritten(text))
      }),
      { numRuns: 2000 },
    )
  })
  it('reading what was written gives back exactly what was read', () => {
    fc.assert(
      fc.property(chain, (text) => {
        assert.deepEqual(parseExpression(rewritten(text)), parseExpression(text))
        assert.equal(rewritten(rewritten(text)), rewritten(text))
      }),
      { numRuns: 500 },
    )
  })
  it('every foreign clause stands to the letter in the source and in what is written', () => {
    fc.assert(
      fc.property(chain, (text) => {
        const { clauses } = parseExpression(text)
        assert.ok(clauses.every((clause) => text.includes(clause)))
        assert.ok(rewritten(text).startsWith(clauses.join(' or ')))
      }),
      { numRuns: 500 },
    )
  })
  it('any string, raw or quoted, survives as a clause beside our set', () => {
    const quoted = fc.string({ unit: 'binary' }).map((text) => `"${text.replace(/["\\]/g, '\\$&')}"`)
    const raw = fc
      .string({ unit: fc.constantFrom(...'"#r or(){}\\\t') })
      .map((text) => `r####"${text.replaceAll('"####', '')}"####`)
    fc.assert(
      fc.property(fc.oneof(quoted, raw), (string) => {
        const { terms, clauses } = parseExpression(`ip.src eq 1.1.1.1 or http.host eq ${string} or ssl`)
        assert.deepEqual([terms.map((term) => term.text), clauses], [['1.1.1.1'], [`http.host eq ${string}`, 'ssl']])
      }),
      { numRuns: 500 },
    )
  })
})

describe('arbitrary text', () => {
  const bits = [
    'ip.src',
    ' in ',
    ' eq ',
    '{',
    '}',
    '(',
    ')',
    '[',
    ']',
    '"',
    'r#"',
    '#',
    '\\',
    ' or ',
    'or',
    '||',
    '&&',
    '!',
    'not ',
    '1.1.1.1',
    '::1',
    '/',
    '..',
    ' ',
    '\n',
    '\t',
    'ssl',
  ]
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.constantFrom(...bits), { maxLength: 30 }).map((parts) => parts.join('')),
  )

  it('is read, or refused with an ExpressionError that names a place in it', () => {
    fc.assert(
      fc.property(text, (source) => {
        try {
          parseExpression(source)
        } catch (error) {
          assert.ok(error instanceof ExpressionError, String(error))
          assert.ok(error.index >= 0 && error.index <= source.length)
        }
      }),
      { numRuns: 3000 },
    )
  })
  it('reads back as the same where it is read at all', () => {
    fc.assert(
      fc.property(text, (source) => {
        const read = readOrNull(source)
        if (read !== null) assert.deepEqual(parseExpression(rewritten(source)), read)
      }),
      { numRuns: 3000 },
    )
  })
  it('takes time in proportion to its length, however it is made', () => {
    for (const part of [...bits, 'r', 'a:', 'rrr###', '1', '((', '()', 'ip.src in {1.1.1.1} or ']) {
      const text = part.repeat(20_000)
      const ms = quickest(() => readOrNull(text), 1000)
      assert.ok(ms < 1000, `${part} took ${ms} ms`)
    }
  })
})

function readOrNull(source: string) {
  try {
    return parseExpression(source)
  } catch {
    return null
  }
}
