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
} from '../support/settle-world.ts'

const [A, B] = ['1.1.1.1', '2.2.2.2']
const SIX = ['7.0.0.1', '7.0.0.2', '7.0.0.3', '7.0.0.4', '7.0.0.5', '7.0.0.6']
const foreign = (description: string) => ({ description, action: 'log', expression: 'ssl', enabled: true })

describe('what a person does to our rule as a whole', () => {
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
})
