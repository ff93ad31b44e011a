import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseFilter } from '../../src/simulator/cloudflare-expression.ts'

const TAKEN = [
  '(ip.src eq 198.51.100.7) or (ip.src == 2001:DB8::1)',
  'ip.src in {198.51.100.1 198.51.100.3..198.51.100.7 192.0.2.0/24 2001:0db8::/32}',
  'ip.src in $office xor !(ip.src in {192.0.2.1})or(ssl)',
  '(http.request.uri.path contains "a) or (") and not cf.client.bot',
  'any(http.request.headers["x-a"][*] eq "b") or lower(http.host) eq "x"',
  'starts_with(http.request.uri.path, "/wp") and tcp.dstport in {80 443 8000..8100}',
  'http.host eq r#"a"b"# || http.host wildcard "*.example.com"',
  'ip.src.country in {"DE" "T1"} && http.request.uri.path matches "^/a\\\\.b$"',
  'cf.threat_score gt 14\r\n  and ssl',
  'true',
]
const REFUSED: [expression: string, at: string][] = [
  ['', '(1:1)'],
  ['ip.src in {10.0.0.5/24}', '(1:12)'],
  ['ip.src in {192.0.2.1,192.0.2.2}', '(1:12)'],
  ['ip.src in {192.0.2.9..192.0.2.1}', '(1:12)'],
  ['ip.src in 192.0.2.1', '(1:11)'],
  ['ip.src eq 192.0.2.0/24', '(1:11)'],
  ['ip.src eq 192.0.2.256', '(1:11)'],
  ['ip.src contains "1"', '(1:8)'],
  ['ip.src\teq 192.0.2.1', '(1:7)'],
  ['(ssl', '(1:5)'],
  ['ssl)', '(1:4)'],
  ['ssl or', '(1:7)'],
  ['ssl\nand http.host eq "a', '(2:20)'],
  ['unknown.field eq 1', '(1:1)'],
  ['http.host eq "\\q"', '(1:15)'],
]

describe('the simulated parser of filters', () => {
  for (const expression of TAKEN)
    it(`takes ${JSON.stringify(expression)}`, () => assert.equal(parseFilter(expression, { emptySets: false }), null))

  for (const [expression, at] of REFUSED)
    it(`refuses ${JSON.stringify(expression)} at ${at}`, () => {
      assert.ok(parseFilter(expression, { emptySets: true })?.startsWith(`Filter parsing error ${at}:`))
    })

  it('takes or refuses an empty set as it is told', () => {
    assert.equal(parseFilter('ip.src in {}', { emptySets: true }), null)
    assert.match(parseFilter('ip.src in {}', { emptySets: false }) ?? '', /\(1:11\)/)
  })

  it('refuses what is nested too deeply, before it overflows', () => {
    assert.match(parseFilter(`${'('.repeat(5_000)}ssl${')'.repeat(5_000)}`, { emptySets: true }) ?? '', /nesting/)
    assert.match(parseFilter(`${'!'.repeat(50_000)}ssl`, { emptySets: true }) ?? '', /nesting/)
  })
})
