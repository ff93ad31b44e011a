import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ExpressionError } from '../../src/core/expression/expression-error.ts'
import { parseExpression } from '../../src/core/expression/parse.ts'
import { expressionLength, SENTINEL, serializeExpression } from '../../src/core/expression/serialize.ts'

const reads = (text: string, terms: string[], clauses: string[] = []) =>
  it(`reads ${JSON.stringify(text)}`, () => {
    const expression = parseExpression(text)
    assert.deepEqual(
      { terms: expression.terms.map((term) => term.text), clauses: expression.clauses },
      { terms, clauses },
    )
  })
const foreign = (text: string) => reads(text, [], [text])

describe('our own forms', () => {
  reads('ip.src eq 1.1.1.1', ['1.1.1.1'])
  reads('ip.src == 1.1.1.1', ['1.1.1.1'])
  reads('ip.src==1.1.1.1', ['1.1.1.1'])
  reads('ip.src eq1.1.1.1', ['1.1.1.1'])
  reads('(ip.src eq 1.1.1.1)', ['1.1.1.1'])
  reads('((( ip.src  eq\r\n1.1.1.1 )))', ['1.1.1.1'])
  reads('ip.src in {1.1.1.1}', ['1.1.1.1'])
  reads('ip.src in{1.1.1.1 2.2.2.2}', ['1.1.1.1', '2.2.2.2'])
  reads('(ip.src in {\n  1.1.1.1\r\n  192.0.2.0/24\n})', ['1.1.1.1', '192.0.2.0/24'])
  reads('ip.src in {198.51.100.3..198.51.100.7 2001:0DB8::/32}', ['198.51.100.3..198.51.100.7', '2001:db8::/32'])
  reads('ip.src in {}', [])
  reads('ip.src eq 2001:DB8::1', ['2001:db8::1'])
  reads('ip.src eq ::ffff:1.2.3.4', ['::ffff:102:304'])
  reads('(ip.src eq 1.1.1.1) or (ip.src eq 2.2.2.2) or ip.src in {3.3.3.3}', ['1.1.1.1', '2.2.2.2', '3.3.3.3'])
  reads('(ip.src eq 1.1.1.1)or(ip.src eq 2.2.2.2)', ['1.1.1.1', '2.2.2.2'])
  reads('(ip.src eq 1.1.1.1)orip.src eq 2.2.2.2', ['1.1.1.1', '2.2.2.2'])
  reads('ip.src eq 1.1.1.1or ip.src eq fe80::2or ip.src in {3.3.3.3}or ssl', ['1.1.1.1', 'fe80::2', '3.3.3.3'], ['ssl'])
  reads('ip.src eq 1.1.1.1 || ip.src eq 2.2.2.2||ssl', ['1.1.1.1', '2.2.2.2'], ['ssl'])
  reads('ip.src eq 1.1.1.1\nor\nssl', ['1.1.1.1'], ['ssl'])
  reads(' \r\nip.src eq 1.1.1.1 \n', ['1.1.1.1'])
})

describe('duplicates and the sentinel', () => {
  reads('ip.src in {1.1.1.1 1.1.1.1/32} or ip.src eq 1.1.1.1', ['1.1.1.1'])
  reads('ip.src in {2001:db8::1 2001:DB8:0::1}', ['2001:db8::1'])
  reads('ip.src in {1.1.1.0/24 1.1.1.1}', ['1.1.1.0/24', '1.1.1.1'])
  reads('(ip.src in {192.0.2.1})', [])
  reads('ip.src eq 192.0.2.1 or ssl', [], ['ssl'])
  reads('ip.src in {1.1.1.1 192.0.2.1}', ['1.1.1.1'])
  reads('ip.src in {192.0.2.0/24}', ['192.0.2.0/24'])
})

describe("other people's operands, kept to the letter", () => {
  foreign('http.host eq "x"')
  foreign('(http.host eq "x")')
  foreign('( http.host  eq "x" )')
  foreign('(http.host eq "a" or http.host eq "b")')
  foreign('ip.src in {1.1.1.1} and http.host eq "x"')
  foreign('(ip.src in {1.1.1.1}) and (http.host eq "x" or ssl)')
  foreign('ip.src eq 1.1.1.1 xor ssl')
  foreign('ip.src eq 1.1.1.1 && ssl')
  foreign('ip.src eq 1.1.1.1 ^^ ssl')
  foreign('not ip.src in {1.1.1.1}')
  foreign('!ip.src in {1.1.1.1}')
  foreign('not (ip.src eq 1.1.1.1 or ssl)')
  foreign('ip.src ne 1.1.1.1')
  foreign('ip.src != 1.1.1.1')
  foreign('ip.src in $office')
  foreign('ip.src in $cf.anonymizer')
  foreign('ip.src.country in {"DE" "AT"}')
  foreign('ip.srceq 1.1.1.1')
  foreign('http.x_ip.src eq 1.1.1.1')
  foreign('cidr(ip.src, 24, 48) in {1.1.1.0/24}')
  foreign('any(http.request.headers["x-or"][*] contains ") or (")')
  foreign('any(lower(http.request.uri.args.names[*])[*] in {"or" "a..b"})')
  foreign('http.request.uri.path matches "\\d+[\\"\\]\\(]" and ssl')
  foreign('http.request.uri.path ~ "["] or ["]"')
  foreign('http.host eq "a\\" or ip.src eq 1.1.1.1"')
  foreign('http.host eq "\\\\" and ssl')
  foreign('http.host eq r"\\" and http.host eq r"x"')
  foreign('http.host eqr"\\" and ssl')
  foreign('http.host eq r#"a" or ip.src in {1.1.1.1} or "b"#')
  foreign('http.host eq r##"a"# or "##')
  foreign('http.host eq "Grüße 🎉 \t or"')
  foreign('http.request.body.raw contains 61:62-or.63')
  foreign('tcp.srcport in {80 1000..2000} and not ssl')
  foreign('cf.bot_management.score lt -5')
  foreign('http.host strict wildcard "*.x"')
  foreign('len(f()) ge 0')
  foreign('true')
  foreign('ssl orip.src eq 1.1.1.1')

  reads('ssl or not ssl or a eq "or"', [], ['ssl', 'not ssl', 'a eq "or"'])
  reads('a and b or ip.src eq 1.1.1.1 or c xor d', ['1.1.1.1'], ['a and b', 'c xor d'])
  reads('http.host eq "x"or(ssl)orssl', [], ['http.host eq "x"', '(ssl)', 'ssl'])
  reads('origin.x or order eq 1', [], ['origin.x', 'order eq 1'])
})

describe('an or chain in parentheses', () => {
  reads('(ip.src eq 1.2.3.4 or http.host eq "x")', ['1.2.3.4'], ['http.host eq "x"'])
  reads('((ip.src eq 1.2.3.4 or  (a or b) ))or c', ['1.2.3.4'], ['(a or b)', 'c'])
  reads('(a or (b or ip.src in {1.1.1.1}))', ['1.1.1.1'], ['a', 'b'])
  reads('(a or (b or c)) or (d or ip.src in {192.0.2.1})', [], ['(a or (b or c))', 'd'])
  reads('(a and b or ip.src eq 1.1.1.1)', ['1.1.1.1'], ['a and b'])
  reads(
    '(a or ip.src eq 1.1.1.1) and (b or ip.src eq 2.2.2.2)',
    [],
    ['(a or ip.src eq 1.1.1.1) and (b or ip.src eq 2.2.2.2)'],
  )
  reads(`${'('.repeat(128)}ip.src eq 1.1.1.1 or ssl${')'.repeat(128)}`, ['1.1.1.1'], ['ssl'])
  reads(`${'('.repeat(128)}ssl${')'.repeat(128)}`, [], [`${'('.repeat(128)}ssl${')'.repeat(128)}`])
})

describe('what cannot be read', () => {
  const fails = (text: string, index: number, problem: string | RegExp) =>
    it(`says where and what is wrong with ${JSON.stringify(text.slice(0, 50))}`, () =>
      assert.throws(
        () => parseExpression(text),
        (error) => {
          assert.ok(error instanceof ExpressionError)
          assert.match(error.problem, new RegExp(problem))
          assert.deepEqual([error.index, error.source], [index, text])
          return true
        },
      ))

  fails('', 0, 'operand is missing')
  fails(' \n', 2, 'operand is missing')
  fails('ssl or', 6, 'operand is missing')
  fails('or ssl', 0, 'operand is missing')
  fails('ssl or or ssl', 7, 'operand is missing')
  fails('ssl and', 7, 'operand is missing')
  fails('(ssl and) or x', 8, 'operand is missing')
  fails('not or ssl', 4, 'operand is missing')
  fails('()', 1, 'operand is missing')
  fails('ssl or ()', 8, 'operand is missing')
  fails('(ssl', 0, 'never closed')
  fails('ssl or (a or (b)', 7, 'never closed')
  fails('ssl)', 3, 'without its opening')
  fails('1.2.3.4) or (true', 7, 'without its opening')
  fails('(ip.src in {1.1.1.1)}', 19, 'without its opening')
  fails('a["x")', 5, 'without its opening')
  fails('a eq "x', 5, 'string that is never closed')
  fails('a eq "x\\"', 5, 'string that is never closed')
  fails('a eq "x\\', 5, 'string that is never closed')
  fails('a matches "[" or ssl', 10, 'string that is never closed')
  fails('a eq r#"x"', 5, 'string that is never closed')
  fails(`a eq r${'#'.repeat(256)}"x"${'#'.repeat(256)}`, 5, '255')
  fails('ssl\tor ssl', 3, 'no meaning')
  fails('ip.src in {1.1.1.1\t2.2.2.2}', 18, 'no meaning')
  fails('ssl # comment', 4, 'no meaning')
  fails('ssl | a', 4, 'no meaning')
  fails("a eq 'x'", 5, 'no meaning')
  fails('ssl or ü', 7, 'no meaning')
  fails('a eq r##"x"###', 13, 'no meaning')
  fails('ip.src in {1.1.1.1, 2.2.2.2}', 11, 'CIDR or a range')
  fails('ssl or (ip.src in {1.1.1.1 nonsense})', 27, 'CIDR or a range')
  fails('ip.src in {1.1.1.2..1.1.1.1}', 11, 'CIDR or a range')
  fails('ip.src in {"1.1.1.1"}', 11, 'CIDR or a range')
  fails('ip.src eq 10.0.0.0/24', 10, 'not an address')
  fails('ip.src eq 1.1.1.1..1.1.1.2', 10, 'not an address')
  fails('ip.src eq nonsense', 10, 'not an address')
  fails('('.repeat(129) + ')'.repeat(129), 128, 'deeper than 128')

  it('draws a caret under the place', () => {
    const message = 'a bracket that is never closed (at character 8 of the expression)\nssl or (a\n       ^'
    assert.throws(() => parseExpression('ssl or (a'), { name: 'ExpressionError', message })
  })
  it('shows only what stands around the place of a long expression, one column for each character', () => {
    const text = `${'ü'.repeat(3)}${'ssl or '.repeat(500)}\t${'ssl or '.repeat(500)}`.slice(3)
    assert.throws(
      () => parseExpression(text),
      (error) => {
        const [, line = '', caret = ''] = (error as Error).message.split('\n')
        assert.ok(line.length <= 72 && line.startsWith('... ') && line.endsWith(' ...'))
        assert.equal(caret.indexOf('^'), line.indexOf('or  ssl') + 3)
        return true
      },
    )
  })
})

describe('writing an expression', () => {
  const writes = (terms: string[], clauses: string[], text: string) =>
    it(`writes ${text}`, () => assert.equal(serializeExpression({ terms, clauses }), text))

  writes(['1.1.1.1', '2.0.0.0/8'], [], '(ip.src in {1.1.1.1 2.0.0.0/8})')
  writes(['1.1.1.1'], ['ssl', '(a or b)'], 'ssl or (a or b) or (ip.src in {1.1.1.1})')
  writes(['1.1.1.1..1.1.1.9', '2001:db8::/64'], [], '(ip.src in {1.1.1.1..1.1.1.9 2001:db8::/64})')
  writes([], ['ssl', 'a and b'], 'ssl or a and b')
  writes([], [], `(ip.src in {${SENTINEL}})`)

  for (const stray of ['1.2.3.4) or (true', '1.2.3.4 5.6.7.8', '', '$list', '1.2.3.4}', ' 1.2.3.4', '1.2.3.4\n']) {
    it(`refuses to write ${JSON.stringify(stray)} as an address`, () =>
      assert.throws(() => serializeExpression({ terms: ['1.1.1.1', stray], clauses: [] }), TypeError))
  }

  it('counts bytes, which are never fewer than characters', () => {
    assert.equal(expressionLength('(ip.src in {192.0.2.1})'), 23)
    assert.equal(expressionLength('http.host eq "ü🎉"'), 21)
  })
})
