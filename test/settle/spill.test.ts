import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { fold, foldedLimit, unfold } from '../../src/core/spill.ts'
import { spilling } from '../../src/pipeline/spilling.ts'
import type { Rule } from '../../src/ports.ts'
import { HOUR, MINUTE, OURS, settleWorld, termsIn } from '../support/settle-world.ts'

// Room for ten addresses of this length in each rule; all but the first are counted as 44 characters shorter.
const LIMIT = 14 + 10 * '100.0.0.10 '.length
const address = (n: number) => `100.0.0.${10 + n}`
const addresses = (count: number) => Array.from({ length: count }, (_, n) => address(n))

function world(maxRules = 3) {
  const plain = settleWorld()
  const edge = spilling(plain.edge.port, { limit: LIMIT, maxRules }, plain.clock)
  const rule = () => ({ description: OURS, action: 'block', limit: edge.limit?.() ?? 0 })
  const pass = () => plain.pass({ edge, rule: rule() })
  const ours = () => plain.edge.rules().filter((r) => String(r.description).startsWith(OURS))
  const all = () => ours().flatMap((r) => termsIn([{ ...r, description: OURS }]) ?? [])
  const ban = async (count: number, from = 0) => {
    for (const each of addresses(count).slice(from)) await plain.alert(each, { durationMs: HOUR })
    return pass()
  }
  return { ...plain, edge: plain.edge, pass, ours, all, ban }
}

describe('bans that do not fit into one rule', () => {
  it('spill into numbered rules, each within the limit', async () => {
    const { ban, ours, all, held } = world()
    await ban(12)
    equal(ours().length, 2)
    deepEqual(
      ours().map((r) => r.description),
      [OURS, `${OURS} 2`],
    )
    ok(ours().every((r) => String(r.expression).length <= LIMIT))
    deepEqual(all().sort(), addresses(12))
    deepEqual(await held(), addresses(12))
  })

  it('stay where they are when others come and go, and empty numbered rules go', async () => {
    const { ban, ours, all, unban, pass, edge } = world()
    await ban(12)
    const [first] = ours()
    for (const each of addresses(12).slice(10)) await unban(each)
    await pass()
    equal(ours().length, 1)
    equal(ours()[0]?.expression, first?.expression)
    deepEqual(all().sort(), addresses(10))
    const versions = edge.version()
    await pass()
    equal(edge.version(), versions)
  })

  it('are released where a person takes one out of a numbered rule', async () => {
    const { ban, edge, ours, pass, all, alert } = world()
    await ban(12)
    const second = ours()[1] as Rule
    const out = (termsIn([{ ...second, description: OURS }]) ?? [])[0] as string
    edge.edit((rules) => rules.map((r) => (r.ref === second.ref ? { ...r, expression: '(ip.src in {192.0.2.1})' } : r)))
    await pass()
    ok(!all().includes(out))
    equal(await alert(out), 'released')
  })

  it('are not held while one of the rules is switched off, and nobody switches it on', async () => {
    const { ban, edge, ours, pass, held } = world()
    await ban(12)
    const second = ours()[1] as Rule
    edge.edit((rules) => rules.map((r) => (r.ref === second.ref ? { ...r, enabled: false } : r)))
    equal((await pass()).state, 'edge-disabled')
    deepEqual(await held(), [])
    deepEqual(
      ours().map((r) => r.enabled),
      [true, false],
    )
  })

  it('come back when a numbered rule full of them is deleted, once', async () => {
    const { ban, edge, ours, pass, all } = world(4)
    await ban(24)
    const spilled = ours()
      .slice(1)
      .map((r) => r.ref)
    edge.edit((rules) => rules.filter((r) => !spilled.includes(r.ref)))
    await pass()
    deepEqual(all().sort(), addresses(24))
    edge.edit((rules) => rules.filter((r) => !spilled.includes(r.ref)))
    equal((await pass()).state, 'edge-contested')
  })

  it('stay known when a person renames the rule', async () => {
    const { ban, edge, ours, pass, held } = world()
    await ban(12)
    const key = ours()[0]?.ref
    edge.edit((rules) => rules.map((r) => (r.ref === key ? { ...r, description: 'scanners' } : r)))
    await pass()
    deepEqual(await held(), addresses(12))
  })

  it('are recognised after a lost answer', async () => {
    const { ban, edge, pass, held, bans, clock } = world()
    edge.fates.push('answer-lost')
    await ban(12).catch(() => undefined)
    clock.advance(MINUTE)
    await pass()
    deepEqual(await held(), addresses(12))
    ok([...(await bans()).values()].every((b) => b.reasons.every((r) => r.origin === 'alert')))
  })
})

describe('folding', () => {
  const terms = fc.uniqueArray(
    fc.integer({ min: 1, max: 254 }).map((n) => `100.0.${n}.1`),
    { minLength: 1, maxLength: 20 },
  )
  const foreign: Rule = { ref: 'other', description: 'other', action: 'skip', expression: 'ssl' }

  it('is undone by unfolding, and folding what was unfolded changes nothing', () => {
    fc.assert(
      fc.property(terms, fc.integer({ min: 1, max: 8 }), (list, maxRules) => {
        const room = { limit: 120, maxRules }
        const whole: Rule = {
          ref: 'portcullis',
          description: OURS,
          action: 'block',
          enabled: true,
          expression: `(ip.src in {${list.join(' ')}})`,
        }
        const fits = String(whole.expression).length <= foldedLimit(room)
        const sent = unfold([foreign, whole], [], room)
        ok(sent.every((r) => !('portcullis_parts' in r)))
        if (fits) ok(sent.every((r) => String(r.expression).length <= room.limit))
        const back = fold(sent)
        equal(back.length, 2)
        deepEqual(termsIn(back)?.sort(), [...list].sort())
        const again = fold(unfold(back, sent, room))
        // What fits nowhere keeps no order: Cloudflare refuses it.
        if (fits) deepEqual(again, back)
        else deepEqual(termsIn(again)?.sort(), [...list].sort())
      }),
    )
  })
})
