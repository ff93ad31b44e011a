import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseTerm } from '../../src/core/address.ts'
import { addressSet, coveredByOne, withoutCovered } from '../../src/core/address-set.ts'

describe('a set of addresses', () => {
  const covers = (terms: string[], term: string, expected: boolean) =>
    it(`{${terms.join(' ')}} ${expected ? 'covers' : 'does not cover'} ${term}`, () =>
      assert.equal(addressSet(terms).covers(term), expected))
  const overlaps = (terms: string[], term: string, expected: boolean) =>
    it(`{${terms.join(' ')}} ${expected ? 'meets' : 'does not meet'} ${term}`, () =>
      assert.equal(addressSet(terms).overlaps(term), expected))

  covers(['1.2.3.4'], '1.2.3.4/32', true)
  covers(['1.2.3.0/24'], '1.2.3.4', true)
  covers(['1.2.3.4'], '1.2.3.0/24', false)
  covers(['1.2.3.0/25', '1.2.3.128/25'], '1.2.3.0/24', true)
  covers(['1.2.3.0/25', '1.2.3.129..1.2.3.255'], '1.2.3.0/24', false)
  covers(['1.2.3.0..1.2.3.255'], '1.2.3.0/24', true)
  covers(['2001:db8::/64'], '2001:db8::5', true)
  covers(['::/0'], '1.2.3.4', false)
  covers(['0.0.0.0/0'], '::102:304', false)
  covers([], '1.2.3.4', false)
  covers(['1.0.0.0/8', '1.2.3.4'], '1.255.0.0', true)

  overlaps(['1.2.3.4'], '1.2.3.0/24', true)
  overlaps(['1.2.3.4'], '1.2.4.0/24', false)
  overlaps(['1.2.3.4', '9.9.9.9'], '1.2.3.5..9.9.9.8', false)
  overlaps(['1.2.3.4', '9.9.9.9'], '1.2.3.5..9.9.9.9', true)
  overlaps(['2001:db8::5'], '2001:db8::/64', true)
  overlaps([], '0.0.0.0/0', false)

  it('takes terms as well as their texts', () => {
    const term = parseTerm('1.2.3.0/24') ?? assert.fail()
    assert.equal(addressSet([term]).covers('1.2.3.4'), true)
    assert.equal(addressSet(['1.2.0.0/16']).covers(term), true)
  })
  it('refuses text that is no term', () => {
    assert.throws(() => addressSet(['1.2.3.4) or (true']), /not an address.*1\.2\.3\.4/)
    assert.throws(() => addressSet([]).covers('nonsense'), /not an address.*nonsense/)
  })
  it('answers for ten thousand terms without walking through them', () => {
    const terms = Array.from({ length: 10_000 }, (_, i) => parseTerm(`1.${i >> 8}.${i & 255}.7`) ?? assert.fail())
    const set = addressSet(terms)
    assert.ok(terms.every((term) => set.covers(term)))
    assert.ok(terms.every((term) => !set.overlaps({ ...term, first: term.first + 1n, last: term.last + 1n })))
  })
})

describe('dropping covered terms', () => {
  const leaves = (terms: string[], expected: string[]) =>
    it(`{${terms.join(' ')}} leaves {${expected.join(' ')}}`, () => assert.deepEqual(withoutCovered(terms), expected))

  leaves(['1.2.3.4', '1.2.3.0/24', '9.9.9.9'], ['1.2.3.0/24', '9.9.9.9'])
  leaves(['9.9.9.9', '1.2.3.4', '9.9.9.9'], ['9.9.9.9', '1.2.3.4'])
  leaves(['1.2.3.0..1.2.3.255', '1.2.3.0/24'], ['1.2.3.0..1.2.3.255'])
  leaves(['1.2.3.4', '::102:304', '::/64'], ['1.2.3.4', '::/64'])
  leaves(['1.2.3.0..1.2.3.5', '1.2.3.4..1.2.3.9'], ['1.2.3.0..1.2.3.5', '1.2.3.4..1.2.3.9'])
  leaves(['0.0.0.0', '::'], ['0.0.0.0', '::'])
  leaves([], [])
})

describe('laws of sets', () => {
  // A small world, so that terms meet: 1.1.1.0 to 1.1.1.15 and its IPv6 twin.
  const host = fc.tuple(fc.constantFrom('1.1.1.', '2001:db8::'), fc.integer({ min: 0, max: 9 }))
  const term = fc.oneof(
    host.map(([net, n]) => `${net}${n}`),
    fc
      .tuple(host, fc.integer({ min: 0, max: 3 }))
      .map(([[net, n], bits]) => parseTerm(`${net}${n}/${(net.includes(':') ? 128 : 32) - bits}`)?.text ?? ''),
    fc
      .tuple(host, fc.integer({ min: 0, max: 9 }))
      .map(([[net, n], m]) => `${net}${Math.min(n, m)}..${net}${Math.max(n, m)}`),
  )
  const world = ['1.1.1.', '2001:db8::'].flatMap((net) =>
    Array.from({ length: 16 }, (_, n) => parseTerm(net + (net.includes(':') ? n.toString(16) : n)) ?? assert.fail()),
  )
  const within = (text: string) => {
    const { family, first, last } = parseTerm(text) ?? assert.fail()
    return world.filter((point) => point.family === family && first <= point.first && point.last <= last)
  }

  it('says of every term what a look at each single address says', () => {
    fc.assert(
      fc.property(fc.array(term), term, (terms, asked) => {
        const members = new Set(terms.flatMap(within))
        assert.equal(
          addressSet(terms).covers(asked),
          within(asked).every((point) => members.has(point)),
        )
        assert.equal(
          addressSet(terms).overlaps(asked),
          within(asked).some((point) => members.has(point)),
        )
      }),
    )
  })
  it('finds the one term that covers another, if there is one', () => {
    fc.assert(
      fc.property(fc.array(term, { maxLength: 8 }), term, (terms, t) => {
        const one = terms.some((other) => addressSet([other]).covers(t))
        assert.equal(coveredByOne(terms)(t), one)
      }),
      { numRuns: 2000 },
    )
  })

  it('dropping covered terms keeps the set, and leaves no term that another covers', () => {
    fc.assert(
      fc.property(fc.array(term), (terms) => {
        const left = withoutCovered(terms)
        assert.deepEqual(new Set(left.flatMap(within)), new Set(terms.flatMap(within)))
        assert.ok(left.every((one, i) => left.every((other, j) => i === j || !addressSet([other]).covers(one))))
      }),
    )
  })
})
