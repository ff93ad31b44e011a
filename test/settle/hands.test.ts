import { deepEqual, equal, ok } from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import {
  adding,
  DAY,
  deleting,
  HOUR,
  MINUTE,
  ownRule,
  removing,
  setting,
  settleWorld,
  termsIn,
  type World,
  wiping,
  withTerms,
} from '../support/settle-world.ts'

const [A, B, C] = ['1.1.1.1', '2.2.2.2', '3.3.3.3']
const SIX = ['7.0.0.1', '7.0.0.2', '7.0.0.3', '7.0.0.4', '7.0.0.5', '7.0.0.6']
const foreign = (description: string) => ({ description, action: 'log', expression: 'ssl', enabled: true })

describe('what a person does to our rule', () => {
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

  it('adopts a term that we did not write, and our end never removes it', async () => {
    await world.alert(A, { durationMs: HOUR })
    await world.pass()
    world.edge.edit(adding(A, B))
    await world.pass()
    deepEqual(
      (await world.bans()).get(B)?.reasons.map((r) => [r.origin, r.until]),
      [['edge', null]],
    )
    world.clock.advance(30 * DAY)
    await world.pass()
    deepEqual(terms(), [B])
  })

  it('an alert about an adopted address adds a reason, whose end leaves the person’s entry', async () => {
    world.edge.edit(adding(A))
    await world.pass()
    await world.alert(A, { durationMs: HOUR })
    await world.pass()
    deepEqual(
      (await world.bans())
        .get(A)
        ?.reasons.map((r) => r.origin)
        .sort(),
      ['alert', 'edge'],
    )
    world.clock.advance(2 * HOUR)
    await world.pass()
    deepEqual(terms(), [A])
    deepEqual(await world.held(), [A])
  })

  it('remembers the offence of a ban whose automatic reason ended beside a person’s entry', async () => {
    world.edge.edit(adding(A))
    await world.pass()
    await world.alert(A, { durationMs: HOUR })
    await world.pass()
    world.clock.advance(2 * HOUR)
    await world.pass()
    await world.alert(A, { durationMs: HOUR })
    equal((await world.bans()).get(A)?.offence, 2)
  })

  it('adopts what stands in the rule when it is first seen, and never does for an ended term of ours', async () => {
    world.edge.edit(adding(A))
    await world.pass()
    deepEqual(await world.held(), [A])
    equal(world.count('adopted'), 1)
  })

  it('takes a term that goes away, alone, for a release: all its reasons go, and automatic bans of it are refused for a day', async () => {
    await banned(A, B)
    await world.operatorBan(A)
    await world.pass()
    world.edge.edit(removing(A))
    await world.pass()
    deepEqual(terms(), [B])
    equal((await world.bans()).has(A), false)
    equal(await world.alert(A), 'released')
    world.clock.advance(DAY + MINUTE)
    equal(await world.alert(A), null)
  })

  it('a release of a wide ban refuses new bans inside it, and writes again those that only rode on it', async () => {
    await banned('9.9.9.0/24')
    world.clock.advance(MINUTE)
    await world.alert('9.9.9.9')
    await world.pass()
    deepEqual(terms(), ['9.9.9.0/24'])
    world.clock.advance(MINUTE)
    world.edge.edit(removing('9.9.9.0/24'))
    await world.pass()
    deepEqual(terms(), ['9.9.9.9'])
    deepEqual(await world.held(), ['9.9.9.9'])
    world.clock.advance(MINUTE)
    equal(await world.alert('9.9.9.8'), 'released')
  })

  it('takes an entry that was adopted and goes away for a release, too', async () => {
    world.edge.edit(adding(A))
    await world.pass()
    world.edge.edit(removing(A))
    await world.pass()
    deepEqual(terms(), [])
    equal(await world.alert(A), 'released')
  })

  it('adopts what is added and releases what is removed in one go from the newest version', async () => {
    world.edge.edit(adding(A, B))
    await world.pass()
    world.edge.edit(withTerms(() => [A, C]))
    await world.pass()
    deepEqual(terms(), [A, C])
    equal(await world.alert(B), 'released')
  })

  it('puts our bans back when a stale copy is saved over us with another change', async () => {
    await banned(A)
    const old = world.edge.version()
    await banned(A, B)
    world.edge.edit((rules) => [...rules, foreign('second')], old)
    deepEqual(terms(), [A])
    await world.pass()
    deepEqual(terms(), [A, B])
    deepEqual(
      world.edge.rules().map((r) => r.description),
      ['first', 'webserver scanning block', 'second'],
    )
    equal(world.count('staleCopyRepaired'), 1)
  })

  it('keeps an entry that a stale copy brought along, and drops the ended ban that it brought back', async () => {
    await world.alert(A, { durationMs: HOUR })
    await world.alert(B, { durationMs: 10 * DAY })
    await world.pass()
    const old = world.edge.version()
    world.clock.advance(2 * HOUR)
    await world.pass()
    deepEqual(terms(), [B])
    world.edge.edit(adding(C), old)
    await world.pass()
    deepEqual(terms(), [B, C])
  })

  it('adopts an address whose ban ended, when a person adds just that', async () => {
    await world.alert(A, { durationMs: HOUR })
    await world.pass()
    world.clock.advance(2 * HOUR)
    await world.pass()
    world.edge.edit(adding(A))
    await world.pass()
    deepEqual(terms(), [A])
    equal((await world.bans()).get(A)?.reasons[0]?.origin, 'edge')
  })

  it('takes an address out for good that goes away a second time within an hour, whatever the rest looks like', async () => {
    await banned(A)
    const old = world.edge.version()
    await banned(A, B)
    world.edge.edit((rules) => [...rules, foreign('second')], old)
    await world.pass()
    world.clock.advance(30 * MINUTE)
    world.edge.edit((rules) => [...rules, foreign('third')], old)
    await world.pass()
    deepEqual(terms(), [A])
    equal(await world.alert(B), 'released')
  })

  it('puts it back again when the second time is more than an hour later', async () => {
    await banned(A)
    const old = world.edge.version()
    await banned(A, B)
    world.edge.edit((rules) => [...rules, foreign('second')], old)
    await world.pass()
    world.clock.advance(61 * MINUTE)
    world.edge.edit((rules) => [...rules, foreign('third')], old)
    await world.pass()
    deepEqual(terms(), [A, B])
  })

  it('puts five terms of ours back that are gone in one version and more than half: an accident, loudly', async () => {
    await banned(...SIX)
    world.edge.edit(removing(...SIX.slice(0, 5)))
    await world.pass()
    deepEqual(terms(), SIX)
    equal(world.count('putBack'), 1)
    equal(world.count('released'), 0)
  })

  it('takes four of six, and five of eleven, for a release', async () => {
    await banned(...SIX)
    world.edge.edit(removing(...SIX.slice(0, 4)))
    await world.pass()
    deepEqual(terms(), SIX.slice(4))
    const eleven = Array.from({ length: 11 }, (_, i) => `8.0.0.${i}`)
    await banned(...SIX.slice(4), ...eleven)
    world.edge.edit(removing(...eleven.slice(0, 5)))
    await world.pass()
    equal(terms()?.length, 8)
  })

  it('contests a second wipe within a day: nothing is written until the terms are back, or until resume', async () => {
    await banned(...SIX)
    world.edge.edit(wiping)
    await world.pass()
    deepEqual(terms(), SIX)
    world.clock.advance(5 * HOUR)
    world.edge.edit(wiping)
    const { state } = await world.pass()
    equal(state, 'edge-contested')
    deepEqual(await world.held(), [])
    const version = world.edge.version()
    await world.alert(A)
    await world.pass()
    equal(world.edge.version(), version)
    world.edge.edit(adding(...SIX))
    equal((await world.pass()).state, 'ok')
    deepEqual(terms(), [A, ...SIX])
    ok([...(await world.bans()).values()].every((ban) => ban.reasons.every((r) => r.origin === 'alert')))
  })

  it('resume ends a contest: what was wiped is written again', async () => {
    await banned(...SIX)
    for (const _ of [1, 2]) {
      world.edge.edit(wiping)
      await world.pass()
    }
    await world.resume()
    equal((await world.pass()).state, 'ok')
    deepEqual(terms(), SIX)
  })

  it('adopts an address restored in a contest whose ban ended meanwhile', async () => {
    await banned(...SIX)
    for (const _ of [1, 2]) {
      world.edge.edit(wiping)
      await world.pass()
    }
    world.clock.advance(11 * DAY)
    world.edge.edit(adding(...SIX))
    await world.pass()
    deepEqual(terms(), SIX)
  })

  it('lets out the one ban of a rule that is deleted, and does not make the rule again for nothing', async () => {
    await banned(A)
    world.edge.edit(deleting)
    const { wrote } = await world.pass()
    equal(wrote, false)
    equal(terms(), null)
    equal(await world.alert(A), 'released')
    await banned(B)
    deepEqual(terms(), [B])
  })

  it('puts a deleted rule of six bans back in its old place, once', async () => {
    await banned(...SIX)
    world.edge.edit((rules) => [...rules, foreign('second')])
    await world.pass()
    world.edge.edit(deleting)
    await world.pass()
    deepEqual(terms(), SIX)
    deepEqual(
      world.edge.rules().map((r) => r.description),
      ['first', 'webserver scanning block', 'second'],
    )
    world.clock.advance(23 * HOUR)
    world.edge.edit(deleting)
    const version = world.edge.version()
    equal((await world.pass()).state, 'edge-contested')
    await world.pass()
    equal(world.edge.version(), version)
    world.edge.edit(adding(SIX[0] as string))
    equal((await world.pass()).state, 'ok')
    deepEqual(terms(), SIX)
    ok([...(await world.bans()).values()].every((ban) => ban.reasons.every((r) => r.origin === 'alert')))
  })

  it('contests the second deletion within a day also when few bans are left', async () => {
    await banned(...SIX)
    world.edge.edit(deleting)
    await world.pass()
    for (const address of SIX.slice(1)) await world.unban(address)
    await world.pass()
    world.edge.edit(deleting)
    equal((await world.pass()).state, 'edge-contested')
    await world.alert(A)
    await world.pass()
    equal(terms(), null)
  })

  it('puts it back again after a day', async () => {
    await banned(...SIX)
    world.edge.edit(deleting)
    await world.pass()
    world.clock.advance(DAY + MINUTE)
    world.edge.edit(deleting)
    await world.pass()
    deepEqual(terms(), SIX)
  })

  it('holds nothing in a rule that is switched off, goes on writing it, and never switches it on', async () => {
    await banned(A)
    world.edge.edit(setting({ enabled: false }))
    equal((await world.pass()).state, 'edge-disabled')
    deepEqual(await world.held(), [])
    await world.alert(B)
    await world.pass()
    deepEqual(terms(), [A, B])
    equal(ownRule(world.edge.rules())?.enabled, false)
    deepEqual(await world.held(), [])
    world.clock.advance(30 * MINUTE)
    world.edge.edit(setting({ enabled: true }))
    equal((await world.pass()).state, 'ok')
    deepEqual(await world.held(), [A, B])
  })

  it('a rule deleted while it was switched off stays away until resume, and comes back as it was: off', async () => {
    await banned(A)
    world.edge.edit(setting({ enabled: false }))
    world.edge.edit(deleting)
    equal((await world.pass()).state, 'edge-contested')
    await world.alert(B)
    world.clock.advance(2 * DAY)
    await world.pass()
    equal(terms(), null)
    await world.resume()
    await world.pass()
    ok(terms() !== null)
    equal(ownRule(world.edge.rules())?.enabled, false)
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
