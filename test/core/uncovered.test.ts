import { deepEqual, equal } from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseTerm, type Term } from '../../src/core/address.ts'
import { uncovered } from '../../src/core/uncovered.ts'

const term = fc
  .tuple(fc.constantFrom('11.0.0.', '11.0.1.', '2001:db8::'), fc.nat(255), fc.nat(8), fc.boolean())
  .map(([start, host, wide, isRange]) => {
    const six = start.includes(':')
    const from = six ? host.toString(16) : String(host)
    const to = six ? (host + wide).toString(16) : String(Math.min(255, host + wide))
    const text = isRange ? `${start}${from}..${start}${to}` : `${start}${from}/${(six ? 128 : 32) - wide}`
    return parseTerm(text) as Term
  })
const covers = (a: Term, b: Term) => a.family === b.family && a.first <= b.first && b.last <= a.last

describe('terms of which none covers another', () => {
  it('answer as looking at each of them would', () =>
    fc.assert(
      fc.property(fc.array(term, { maxLength: 40 }), (terms) => {
        const set = uncovered()
        let plain: Term[] = []
        for (const next of terms) {
          const covered = plain.some((each) => covers(each, next))
          equal(set.covers(next), covered)
          deepEqual(new Set(set.under(next)), new Set(plain.filter((each) => covers(next, each))))
          if (covered) continue
          set.add(next)
          plain = [...plain.filter((each) => !covers(next, each)), next]
          deepEqual(set.all(), plain)
        }
      }),
    ))
})
