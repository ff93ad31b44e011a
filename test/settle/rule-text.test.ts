import { deepEqual, equal, ok } from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import {
  adding,
  DAY,
  HOUR,
  MINUTE,
  ownRule,
  removing,
  setting,
  settleWorld,
  termsIn,
  type World,
} from '../support/settle-world.ts'

const [A, B, C] = ['1.1.1.1', '2.2.2.2', '3.3.3.3']
const foreign = (description: string) => ({ description, action: 'log', expression: 'ssl', enabled: true })

describe('what a person writes into our rule', () => {
  let world: World
  const terms = () => termsIn(world.edge.rules())
  const banned = async (...addresses: string[]) => {
    for (const address of addresses) await world.alert(address, { durationMs: 10 * DAY })
    await world.pass()
    deepEqual(await world.held(), [...addresses].sort())
  }
  beforeEach(() => {
    world = settleWorld()
    world.edge.edit(() => [foreign('first')])
  })

  it('writes nothing, and holds nothing, in a rule whose action keeps nobody out', async () => {
    await banned(A)
    world.edge.edit(setting({ action: 'log' }))
    await world.alert(B)
    const version = world.edge.version()
    equal((await world.pass()).state, 'edge-action')
    equal(world.edge.version(), version)
    deepEqual(await world.held(), [])
    world.edge.edit(setting({ action: 'managed_challenge' }))
    equal((await world.pass()).state, 'ok')
    deepEqual(await world.held(), [A, B])
    equal(ownRule(world.edge.rules())?.action, 'managed_challenge')
  })

  it('writes nothing when two rules could be ours, and names both', async () => {
    world.edge.edit((rules) => [
      ...rules,
      ...[1, 2].map(() => ({ ...foreign('webserver scanning block'), action: 'block' })),
    ])
    await world.alert(A)
    const version = world.edge.version()
    const { state, detail } = await world.pass()
    equal(state, 'edge-ambiguous')
    ok(/rule 2 .*rule 3 /.test(detail), detail)
    equal(world.edge.version(), version)
  })

  it('writes nothing into a text that it cannot read, and points at the place', async () => {
    await banned(A)
    world.edge.edit(setting({ expression: '(ip.src in {1.1.1.1} or (ssl)' }))
    await world.alert(B)
    const version = world.edge.version()
    const { state, detail } = await world.pass()
    equal(state, 'edge-unreadable')
    ok(detail.includes('^'), detail)
    equal(world.edge.version(), version)
    deepEqual(await world.held(), [])
    world.edge.edit(setting({ expression: '(ip.src in {1.1.1.1})' }))
    equal((await world.pass()).state, 'ok')
    deepEqual(terms(), [A, B])
  })

  it('keeps a renamed rule for ours, and foreign clauses in it to the letter', async () => {
    await banned(A)
    world.edge.edit(
      setting({ description: 'renamed', expression: '(ip.src eq 1.1.1.1) or  (http.host eq "a or b" and  ssl)' }),
    )
    await banned(A, B)
    const [, own] = world.edge.rules()
    equal(own?.expression, '(http.host eq "a or b" and  ssl) or (ip.src in {1.1.1.1 2.2.2.2})')
    equal(own?.description, 'renamed')
  })

  it('keeps the rule with a sentinel, which is no ban, when nothing is left', async () => {
    await world.alert(A, { durationMs: HOUR })
    await world.pass()
    world.clock.advance(HOUR + MINUTE)
    await world.pass()
    equal(ownRule(world.edge.rules())?.expression, '(ip.src in {192.0.2.1})')
    equal((await world.pass()).wrote, false)
    deepEqual([...(await world.bans()).keys()], [])
  })

  it('takes a removal for a person’s, although an earlier PUT that meant to remove the same was never taken', async () => {
    await banned(A, B)
    await world.unban(A)
    world.edge.fates.push('refused')
    await world.pass().catch(() => undefined)
    await world.alert(A)
    await world.pass()
    deepEqual(terms(), [A, B])
    world.edge.edit(removing(A))
    await world.pass()
    deepEqual(terms(), [B])
    equal(await world.alert(A), 'released')
  })

  it('explains the kept versions alone, and what it meant itself is never a person’s, when the versions between are no longer kept', async () => {
    await banned(A)
    await world.alert(B)
    world.edge.fates.push('answer-lost')
    await world.pass().catch(() => undefined)
    world.edge.edit(adding(C))
    world.edge.forget()
    await world.pass()
    deepEqual(terms(), [A, B, C])
    deepEqual(
      (await world.bans()).get(B)?.reasons.map((r) => r.origin),
      ['alert'],
    )
    deepEqual(
      (await world.bans()).get(C)?.reasons.map((r) => r.origin),
      ['edge'],
    )
  })
})
