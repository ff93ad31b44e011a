import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseAddress } from '../../src/core/address.ts'
import { addressSet } from '../../src/core/address-set.ts'
import { parseExpression } from '../../src/core/expression/parse.ts'
import type { Rule } from '../../src/ports.ts'
import { interrupted } from '../support/fake-edge.ts'
import { adding, OURS, ownRule, settleWorld, termsIn } from '../support/settle-world.ts'

const value = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.string({ unit: 'binary', maxLength: 10 }),
  fc.constantFrom('ip.src in {1.1.1.1}', '(ip.src eq 2.2.2.2', '"', '\\', ') or ('),
)
const name = fc
  .oneof(
    fc.string({ minLength: 1, maxLength: 8 }),
    fc.constantFrom('action_parameters', 'ratelimit', 'logging', 'enabled'),
  )
  // What the API owns is its own; our description would make it ours.
  .filter((n) => !['id', 'ref', 'version', 'last_updated', 'categories', 'description', '__proto__'].includes(n))
const foreignRule = fc
  .tuple(fc.dictionary(name, value, { maxKeys: 5 }), fc.string({ maxLength: 10 }))
  .map(([fields, description]): Rule => ({ ...fields, description }))
const clause = fc.constantFrom(
  'ssl',
  'not  ssl',
  '(http.host eq "a or b" and ip.src in {1.1.1.1})',
  'http.request.uri.path matches r#"^/x"y"#',
  'ip.src in $friends',
  '(cf.client.bot) and (ip.src ne 9.9.9.9)',
)

describe('every pass', () => {
  it('leaves foreign rules and clauses as they are, byte for byte and in their order', async () => {
    const story = fc.record({
      before: fc.array(foreignRule, { maxLength: 3 }),
      after: fc.array(foreignRule, { maxLength: 3 }),
      clauses: fc.uniqueArray(clause, { maxLength: 3 }),
      meanwhile: foreignRule,
    })
    await fc.assert(
      fc.asyncProperty(story, async ({ before, after, clauses, meanwhile }) => {
        const world = settleWorld()
        const expression = [...clauses, 'ip.src eq 7.7.7.7'].join(' or ')
        world.edge.edit(() => [...before, { description: OURS, action: 'block', enabled: true, expression }, ...after])
        const seen = foreignIn(world.edge.rules())
        await world.pass()
        await world.alert('8.8.8.8')
        const hand = () => world.edge.edit((rules) => [meanwhile, ...rules])
        await world.pass({ edge: interrupted(world.edge.port, [hand]) })
        const [mine, ...others] = foreignIn(world.edge.rules())
        deepEqual(others, seen)
        deepEqual(mine?.rule, JSON.stringify(meanwhile))
        deepEqual(parseExpression(String(ownRule(world.edge.rules())?.expression)).clauses, clauses)
        deepEqual(termsIn(world.edge.rules()), ['7.7.7.7', '8.8.8.8'])
        equal((await world.pass()).wrote, false)
      }),
      { numRuns: 300 },
    )
  })

  it('adds no address that a guard refuses, on whatever path it came into the ledger, and never exceeds the limit', async () => {
    const suspect = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.constantFrom(
        '10.1.2.3',
        '::ffff:10.0.0.1',
        '104.16.1.1',
        '192.0.2.1',
        '1.2.3.4',
        '1.2.3.4) or (true',
        '0.0.0.0/0',
      ),
    )
    const story = fc.record({
      alerts: fc.array(suspect, { maxLength: 12 }),
      friends: fc.array(fc.oneof(fc.constant('1.2.3.0/24'), fc.ipV4()), { maxLength: 3 }),
      limit: fc.integer({ min: 100, max: 300 }),
    })
    await fc.assert(
      fc.asyncProperty(story, async ({ alerts, friends, limit }) => {
        const world = settleWorld()
        world.limit = limit
        world.edge.edit(adding('7.7.7.7'))
        for (const address of alerts) await world.alert(address)
        // Friends are made after the bans were decided.
        world.allowlist = friends.map((text) => ({ text, note: '' }))
        for (const _ of [1, 2]) await world.pass()
        const refused = addressSet(['10.0.0.0/8', '127.0.0.0/8', '192.0.2.0/24', '104.16.0.0/13', ...friends])
        for (const term of termsIn(world.edge.rules()) ?? []) {
          ok(parseAddress(term) !== null, term)
          ok(term === '7.7.7.7' || !refused.overlaps(term), term)
        }
        ok(String(ownRule(world.edge.rules())?.expression).length <= limit)
      }),
      { numRuns: 300 },
    )
  })
})

function foreignIn(rules: readonly Rule[]): { ref: unknown; rule: string }[] {
  return rules
    .filter((rule) => rule !== ownRule(rules))
    .map(({ id: _id, ref, version: _version, last_updated: _updated, ...rest }) => ({
      ref,
      rule: JSON.stringify(rest),
    }))
}
