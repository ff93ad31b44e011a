import { deepEqual, equal, rejects } from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import type { Rule } from '../../src/ports.ts'
import { editing, F, G } from '../support/settle-rules.ts'
import {
  adding,
  DAY,
  deleting,
  MINUTE,
  ownRule,
  setting,
  settleWorld,
  termsIn,
  type World,
} from '../support/settle-world.ts'

const [A, B, C] = ['1.1.1.1', '2.2.2.2', '3.3.3.3']

describe('when a PUT lands late', () => {
  let world: World
  const terms = () => termsIn(world.edge.rules())
  const rule = (name: string) => world.edge.rules().find((r) => r.description === name)
  const banned = async (...addresses: string[]) => {
    for (const address of addresses) await world.alert(address, { durationMs: 10 * DAY })
    await world.pass()
  }
  beforeEach(async () => {
    world = settleWorld()
    world.edge.edit(() => [F, G])
    await banned(A)
    await world.alert(B)
  })

  it('gives back a later edit that a PUT which lands late overwrites', async () => {
    world.edge.fates.push('late')
    await rejects(world.pass())
    world.edge.edit(editing('F', { enabled: false }))
    world.edge.edit(adding(C))
    await world.pass()
    deepEqual(terms(), [A, B, C])
    world.edge.land()
    equal(rule('F')?.enabled, true)
    deepEqual(terms(), [A, B])
    await world.pass()
    equal(rule('F')?.enabled, false)
    deepEqual(terms(), [A, B, C])
    equal((await world.pass()).wrote, false)
  })

  it('does not undo what the person did since with what is owed to him', async () => {
    world.edge.fates.push('late')
    await rejects(world.pass())
    world.edge.edit(editing('F', { note: 'first' }))
    world.edge.land()
    world.edge.edit(editing('F', { note: 'second' }))
    await world.pass()
    equal(rule('F')?.note, 'second')
  })

  it('does not owe what the person has done again by himself', async () => {
    world.edge.fates.push('late')
    await rejects(world.pass())
    world.edge.edit(editing('F', { note: 'first' }))
    world.edge.land()
    world.edge.edit(editing('F', { note: 'first' }))
    await world.pass()
    world.edge.edit(editing('F', { note: 'second' }))
    await world.pass()
    await world.alert(C)
    await world.pass()
    equal(rule('F')?.note, 'second')
  })

  it('a rule switched off and deleted stays away although a PUT lands late', async () => {
    world.edge.fates.push('late')
    await rejects(world.pass())
    world.edge.edit(setting({ enabled: false }))
    world.edge.edit(deleting)
    world.edge.land()
    await world.pass()
    equal(terms(), null)
    equal((await world.pass()).state, 'edge-contested')
    deepEqual(await world.held(), [])
  })

  it('gives other people’s rules back also while the edge is contested', async () => {
    world.edge.edit(setting({ enabled: false }))
    world.edge.edit(deleting)
    await world.pass()
    await world.resume()
    world.edge.fates.push('late')
    await rejects(world.pass())
    world.edge.edit(editing('F', { note: 'kept' }))
    world.edge.edit((rules) => [
      ...rules,
      { description: 'webserver scanning block', action: 'block', enabled: false, expression: 'ip.src eq 1.1.1.1' },
    ])
    world.edge.edit(deleting)
    world.edge.land()
    await world.pass()
    await world.pass()
    equal(rule('F')?.note, 'kept')
  })

  it('takes our rule, switched off and on again, for what it is, although a PUT of the same content once failed', async () => {
    world.edge.fates.push('refused')
    await rejects(world.pass())
    await world.pass()
    world.edge.edit(setting({ enabled: false }))
    world.clock.advance(3 * MINUTE)
    world.edge.edit(setting({ enabled: true }))
    equal((await world.pass()).state, 'ok')
    equal(ownRule(world.edge.rules())?.enabled, true)
    deepEqual(await world.held(), [A, B])
  })

  it('takes our rule for switched on also where our terms grew meanwhile to what a PUT that failed would have written', async () => {
    world.edge.fates.push('refused')
    await rejects(world.pass())
    world.edge.edit(setting({ enabled: false }))
    await world.pass()
    world.clock.advance(3 * MINUTE)
    world.edge.edit(setting({ enabled: true }))
    equal((await world.pass()).state, 'ok')
    equal(ownRule(world.edge.rules())?.enabled, true)
  })

  it('switches our rule off again when such a PUT lands a moment after a person switched it off', async () => {
    world.edge.fates.push('late')
    await rejects(world.pass())
    await world.pass()
    world.edge.edit(setting({ enabled: false }))
    world.edge.land()
    equal((await world.pass()).state, 'edge-disabled')
    equal(ownRule(world.edge.rules())?.enabled, false)
  })

  it('contests the deletion of a rule that was off until a PUT of ours landed late', async () => {
    world.edge.fates.push('late')
    await rejects(world.pass())
    world.edge.edit(setting({ enabled: false }))
    world.edge.land()
    world.edge.edit(deleting)
    equal((await world.pass()).state, 'edge-contested')
    await world.alert(C)
    await world.pass()
    equal(terms(), null)
  })

  it('a PUT that lands late brings back no clause of a rule that a person deleted', async () => {
    world.edge.edit(setting({ expression: 'ssl or ip.src eq 1.1.1.1' }))
    world.edge.fates.push('late')
    await rejects(world.pass())
    world.edge.edit(deleting)
    world.edge.land()
    await world.pass()
    equal(ownRule(world.edge.rules())?.expression, '(ip.src in {2.2.2.2})')
  })

  it('a PUT that lands late brings back no clause that went with our rule, although the rule came back without it', async () => {
    const plain = ownRule(world.edge.rules())
    const clause = { expression: `ssl or ${plain?.expression}` }
    world.edge.edit(setting(clause))
    world.edge.fates.push('late')
    await rejects(world.pass())
    world.edge.edit(deleting)
    world.edge.edit((rules) => [...rules, plain as Rule])
    world.edge.land()
    await world.pass()
    equal(String(ownRule(world.edge.rules())?.expression).includes('ssl'), false)
  })

  it('keeps our rule switched on that was deleted since, where a PUT from before brings it back switched off', async () => {
    world.edge.edit(setting({ enabled: false }))
    world.edge.fates.push('late')
    await rejects(world.pass())
    world.edge.edit(setting({ enabled: true }))
    await world.pass()
    world.edge.edit(deleting)
    await world.pass()
    world.edge.land()
    await world.pass()
    equal(ownRule(world.edge.rules())?.enabled, true)
  })

  it('does not owe twice what a person took back before two PUTs landed late, one over the other', async () => {
    const H = { description: 'H', action: 'log', expression: 'ssl', enabled: false }
    world.edge.fates.push('late')
    await rejects(world.pass())
    world.edge.edit((rules) => [H, ...rules])
    world.edge.land()
    world.edge.fates.push('late')
    await rejects(world.pass())
    await world.pass()
    equal(rule('H')?.enabled, false)
    world.edge.edit((rules) => rules.filter((r) => r.description !== 'H'))
    await world.alert(C)
    world.edge.fates.push('late')
    await rejects(world.pass())
    world.edge.land()
    world.edge.land()
    await world.pass()
    equal(rule('H'), undefined)
    equal((await world.pass()).wrote, false)
  })

  it('a PUT that lands late does not make two rules of the one that a person made meanwhile', async () => {
    const fresh = settleWorld()
    fresh.edge.edit(() => [F])
    await fresh.alert(A)
    fresh.edge.fates.push('late', 'late')
    await rejects(fresh.pass())
    await rejects(fresh.pass())
    fresh.edge.edit(adding(B))
    fresh.edge.edit(setting({ enabled: false }))
    for (const _ of [1, 2]) {
      fresh.edge.land()
      await fresh.pass()
    }
    deepEqual(
      fresh.edge.rules().map((r) => [r.description, r.enabled]),
      [
        ['F', true],
        ['webserver scanning block', false],
      ],
    )
    deepEqual(termsIn(fresh.edge.rules()), [A, B])
  })
})
