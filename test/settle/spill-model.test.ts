import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { termsIn as termsOf } from '../../src/core/own-rule.ts'
import { spilling } from '../../src/pipeline/spilling.ts'
import type { Rule } from '../../src/ports.ts'
import { HOUR, MINUTE, OURS, settleWorld } from '../support/settle-world.ts'

// Room for ten addresses in each rule: thirty bans take all of the four.
const LIMIT = 14 + 10 * '100.0.0.10 '.length
const FOREIGN: Rule = { ref: 'friend', description: 'friend', action: 'skip', expression: 'ssl', enabled: true }
const nth = (n: number) => `100.0.0.${10 + n}`

const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('alert' as const), n: fc.integer({ min: 0, max: 21 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('unban' as const), n: fc.integer({ min: 0, max: 21 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('adds' as const), n: fc.integer({ min: 0, max: 2 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('takes' as const), n: fc.integer({ min: 0, max: 21 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('pass' as const), n: fc.constantFrom(0, 1, 2) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('later' as const), n: fc.integer({ min: 1, max: 3 }) }) },
)

describe('several rules, whatever happens', () => {
  it('hold in the end what they should, each within the limit, and nobody’s entry is lost', async () => {
    await fc.assert(fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 60, size: 'max' }), live), {
      // The gate runs the same stories every time.
      ...(process.env.CI ? { seed: 1 } : {}),
      numRuns: Number(process.env.SETTLE_RUNS ?? 150),
    })
  })
})

async function live(actions: readonly { kind: string; n: number }[]): Promise<void> {
  const world = settleWorld()
  const edge = spilling(world.edge.port, { limit: LIMIT, maxRules: 4 }, world.clock)
  const pass = () => world.pass({ edge, rule: { description: OURS, action: 'block', limit: edge.limit?.() ?? 0 } })
  const ours = () => world.edge.rules().filter((r) => String(r.description).startsWith(OURS))
  const all = () => ours().flatMap((r) => termsOf(r) ?? [])
  const entries = new Set<string>()
  world.edge.edit(() => [FOREIGN])
  await pass()
  for (const { kind, n } of actions) {
    if (kind === 'alert') await world.alert(nth(n), { durationMs: 10 * HOUR })
    if (kind === 'unban') await world.unban(nth(n))
    if (kind === 'later') world.clock.advance(n * HOUR)
    if (kind === 'pass') {
      if (n === 1) world.edge.fates.push('answer-lost')
      await pass().catch(() => undefined)
      world.edge.fates.length = 0
      world.clock.advance(MINUTE)
    }
    if (kind === 'adds') {
      await pass()
      const entry = `7.7.7.${n}`
      // Cloudflare takes no longer expression from a person either.
      const roomy = ours().find((r) => String(r.expression).length + entry.length < LIMIT)
      if (roomy !== undefined && !all().includes(entry)) edit(roomy, (terms) => [...terms, entry])
      if (roomy !== undefined) entries.add(entry)
      await pass()
    }
    if (kind === 'takes') {
      await pass()
      const holder = ours().find((r) => termsOf(r)?.includes(nth(n)))
      if (holder !== undefined) {
        edit(holder, (terms) => terms.filter((term) => term !== nth(n)))
        await pass()
      }
    }
  }
  for (let quiet = 0; quiet < 3; quiet++) await pass()
  const version = world.edge.version()
  await pass()
  equal(world.edge.version(), version, 'a quiet pass wrote')
  ok(ours().every((r) => String(r.expression).length <= LIMIT))
  deepEqual(strip(world.edge.rules().find((r) => r.ref === 'friend')), FOREIGN)
  const bans = await world.bans()
  deepEqual(all().sort(), [...bans.keys()].sort())
  for (const entry of entries) ok(all().includes(entry), `${entry} was a person's`)
  const lately = (await world.records.all<{ address: string; until: string }>('released')).filter(
    ({ doc }) => doc.until > world.clock.now().toISOString(),
  )
  for (const { doc } of lately) ok(!all().includes(doc.address), `${doc.address} was let out`)

  function edit(rule: Rule, change: (terms: readonly string[]) => readonly string[]): void {
    const terms = change(termsOf(rule) ?? [])
    const expression = `(ip.src in {${(terms.length > 0 ? terms : ['192.0.2.1']).join(' ')}})`
    world.edge.edit((rules) => rules.map((r) => (r.ref === rule.ref ? { ...r, expression } : r)))
  }
}

function strip(rule: Rule | undefined) {
  const { id, version, last_updated, ...rest } = rule ?? {}
  return rest
}
