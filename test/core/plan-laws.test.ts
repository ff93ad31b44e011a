import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { coveredByOne } from '../../src/core/address-set.ts'
import { type Ban, newBan, withHolding, withReason } from '../../src/core/ban.ts'
import { sameTerms } from '../../src/core/compose.ts'
import { expressionLength, serializeExpression } from '../../src/core/expression/serialize.ts'
import { order, type PlanFacts, plan } from '../../src/core/plan.ts'
import { verdicts } from '../../src/core/verdict.ts'

const NOW = new Date('2026-03-01T00:00:00.000Z')
const EDGE = 'shop'

/** Close together, so that they cover one another often. */
const address = fc.oneof(
  fc.nat(15).map((n) => `1.2.3.${n}`),
  fc.constantFrom(
    '1.2.3.0/30',
    '1.2.3.4/30',
    '1.2.3.0/29',
    '1.2.3.0/28',
    '1.2.3.8/31',
    '1.2.3.0/24',
    '2a00::/64',
    '2a00::/48',
  ),
)
const ban = fc.record({
  address,
  origin: fc.constantFrom('alert', 'operator', 'edge'),
  held: fc.boolean(),
  seen: fc.nat(9),
})
const facts: fc.Arbitrary<PlanFacts> = fc
  .record({
    bans: fc.uniqueArray(ban, { maxLength: 12, selector: (b) => b.address }),
    clauses: fc.subarray(['ssl', 'http.host eq "a"']),
    limit: fc.integer({ min: 60, max: 160 }),
    observing: fc.boolean(),
  })
  .map(({ bans, ...rest }) => {
    const made = bans.map(banOf)
    const current = made.filter((b) => b.edges[EDGE]?.held).map((b) => b.address)
    return { edge: EDGE, bans: made, current, now: NOW, ...rest }
  })

describe('planning', () => {
  it('holds a wide ban only where one term covers it: its halves are others’, and go when they end', () => {
    const wide = banOf({ address: '1.2.3.0/29', origin: 'alert', held: false, seen: 0 })
    const halves = ['1.2.3.0/30', '1.2.3.4/30'].map((a) => banOf({ address: a, origin: 'edge', held: true, seen: 0 }))
    const current = halves.map((b) => b.address)
    const observing = {
      edge: EDGE,
      bans: [wide, ...halves],
      current,
      clauses: [],
      limit: 100,
      observing: true,
      now: NOW,
    }
    deepEqual(plan(observing).terms, current)
    equal(judged(observing, plan(observing))[0]?.edges[EDGE]?.why, 'observing')
    deepEqual(plan({ ...observing, observing: false }).terms, ['1.2.3.0/29'])
  })

  for (const [what, limit, bans] of [
    [
      'the oldest of them',
      60,
      ['1.2.3.4/30 edge 1 held', '1.2.3.8 operator 0', '1.2.3.0 edge 0', '2a00::/48 edge 0', '1.2.3.0/29 alert 0'],
    ],
    [
      'all of them',
      55,
      [
        ...['1.2.3.9 edge 0', '1.2.3.0 edge 0', '1.2.3.1 edge 0', '1.2.3.8 edge 0'],
        ...['1.2.3.0/30 alert 0', '1.2.3.8/31 alert 0'],
      ],
    ],
  ] as const)
    it(`keeps people’s entries that wider bans have taken in, although they have no room without them: ${what}`, () => {
      const made = bans.map((text) => {
        const [address = '', origin = '', seen = '', held] = text.split(' ')
        return banOf({ address, origin, seen: Number(seen), held: held !== undefined })
      })
      const current = made.filter((b) => b.edges[EDGE]?.held).map((b) => b.address)
      const clauses = ['http.host eq "a"']
      const given = { edge: EDGE, bans: made, current, clauses, limit, observing: false, now: NOW }
      const first = plan(given)
      const second = plan({ ...given, bans: judged(given, first), current: first.terms })
      deepEqual([second.terms.toSorted(), second.displaced], [first.terms.toSorted(), []])
      ok(second.used <= limit)
    })

  it('twice is planning once, also after the verdict', () => {
    fc.assert(
      fc.property(facts, (given) => {
        const first = plan(given)
        deepEqual(plan({ ...given, current: first.terms }).terms, first.terms)
        const bans = judged(given, first)
        const second = plan({ ...given, bans, current: first.terms })
        ok(sameTerms(second.terms, first.terms), `${first.terms} then ${second.terms}`)
        deepEqual(second.displaced, [])
      }),
      { numRuns: 3000 },
    )
  })

  it('never exceeds the limit, but for people’s entries that stand there', () => {
    fc.assert(
      fc.property(facts, (given) => {
        const { terms, used } = plan(given)
        const { clauses, limit } = given
        equal(used, expressionLength(serializeExpression({ terms, clauses })))
        const theirs = given.bans
          .filter((b) => b.edges[EDGE]?.held && b.reasons[0]?.origin === 'edge')
          .map((b) => b.address)
        const least = expressionLength(serializeExpression({ terms: theirs, clauses }))
        ok(used <= Math.max(limit, least), `${used} of ${limit}`)
      }),
      { numRuns: 3000 },
    )
  })

  it('keeps people’s entries that stand there, adds nothing that nobody wants, and says of each ban where it is', () => {
    fc.assert(
      fc.property(facts, (given) => {
        const { terms, waiting, displaced } = plan(given)
        const isPlaced = coveredByOne(terms)
        const out = new Set([...waiting, ...displaced])
        for (const b of given.bans) {
          const isEntry = b.reasons[0]?.origin === 'edge'
          if (isEntry && b.edges[EDGE]?.held) ok(isPlaced(b.address), b.address)
          if (out.has(b.address)) ok(!isPlaced(b.address), b.address)
        }
        const wanted = given.bans.map((b) => b.address)
        for (const term of terms) ok(wanted.includes(term), term)
      }),
      { numRuns: 3000 },
    )
  })

  it('takes no room for a later rank that an earlier one could have had', () =>
    fc.assert(noRoomTaken, { numRuns: 3000 }))

  it('may give the room that a wide ban makes to one before him who would have had it alone', () => {
    fc.assert(noRoomTaken, { seed: 912244196, numRuns: 400 })
  })
})

const noRoomTaken = fc.property(facts, (given) => {
  const waiting = new Set(plan(given).waiting)
  const byHand = given.bans.filter((b) => b.reasons[0]?.origin !== 'alert').sort((a, b) => order(a, b, EDGE, NOW))
  const alone = new Set(plan({ ...given, bans: byHand }).waiting)
  // Without all automatic bans nobody who comes by hand is better off before another one is worse off who goes before him.
  const first = byHand.find(({ address }) => waiting.has(address) !== alone.has(address))
  if (first !== undefined) ok(alone.has(first.address), first.address)
})

function banOf(b: { address: string; origin: string; held: boolean; seen: number }): Ban {
  const origin = b.origin as 'alert' | 'operator' | 'edge'
  const reason = { origin, id: EDGE, note: '', at: NOW.toISOString(), durationMs: null, until: null, edges: null }
  const seen = new Date(NOW.getTime() - b.seen).toISOString()
  const made = { ...withReason(newBan(b.address, NOW), reason), lastSeen: seen }
  return b.held ? withHolding(made, EDGE, true, '', NOW) : made
}

function judged(
  { bans, observing }: PlanFacts,
  { terms, displaced }: { terms: readonly string[]; displaced: readonly string[] },
) {
  const considered = new Set(bans.map((b) => b.address))
  const found = { edge: EDGE, state: 'ok', terms, considered, displaced: new Set(displaced), observing, now: NOW }
  const changed = new Map(verdicts(bans, found).map((b) => [b.address, b]))
  return bans.map((b) => changed.get(b.address) ?? b)
}
