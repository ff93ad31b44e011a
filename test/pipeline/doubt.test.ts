import { deepEqual, equal, rejects } from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import type { Edge } from '../../src/ports.ts'
import { DAY, MINUTE, settleWorld, termsIn, type World } from '../support/settle-world.ts'

const [A, B, C] = ['1.1.1.1', '2.2.2.2', '3.3.3.3']

describe('a version lower than the one that was shown before', () => {
  let world: World
  const banned = async (...addresses: string[]) => {
    for (const address of addresses) await world.alert(address, { durationMs: 10 * DAY })
    await world.pass()
  }
  beforeEach(async () => {
    world = settleWorld()
    await banned(A)
    await banned(B)
  })

  it('is refused where it lags, also where what answers has not heard of the newer one: nobody is released', async () => {
    const edge = behind(world)
    await rejects(world.pass({ edge }), /older than version 2/)
    world.clock.advance(MINUTE)
    await rejects(world.pass({ edge }), /older than version 2/)
    deepEqual([await world.held(), world.count('released')], [[A, B], 0])
    await banned(C)
    deepEqual(
      [await world.held(), termsIn(world.edge.rules())],
      [
        [A, B, C],
        [A, B, C],
      ],
    )
  })

  it('is believed after some minutes where the other number was none, so that no edge stands still for ever', async () => {
    let lies = 1
    const read: Edge['read'] = async () => {
      const ruleset = await world.edge.port.read()
      return ruleset && lies-- > 0 ? { ...ruleset, version: 900 } : ruleset
    }
    await world.pass({ edge: { ...world.edge.port, read } })
    equal((await world.state()).base?.version, 900)
    await world.alert(C, { durationMs: 10 * DAY })
    await rejects(world.pass(), /older than version 900/)
    world.clock.advance(3 * MINUTE)
    await world.pass()
    deepEqual([await world.held(), world.count('released')], [[A, B, C], 0])
  })
})

describe('the answer that there are no rules, just after the first PUT made them', () => {
  it('is refused for some minutes, where it lags: nobody is released', async () => {
    const world = settleWorld()
    await world.alert(A, { durationMs: 10 * DAY })
    await world.pass()
    const edge = { ...world.edge.port, read: async () => null, version: async () => null }
    world.clock.advance(MINUTE)
    await rejects(world.pass({ edge }), /that there are no rules in shop, which we made a moment ago/)
    await world.pass()
    deepEqual([await world.held(), world.count('released')], [[A], 0])
  })

  it('is believed after that', async () => {
    const world = settleWorld()
    await world.alert(A, { durationMs: 10 * DAY })
    await world.pass()
    world.edge.remove()
    await rejects(world.pass(), /which we made a moment ago/)
    world.clock.advance(3 * MINUTE)
    await world.pass()
    equal(world.count('released'), 1)
  })
})

/** Answers as one does that has not heard of the newest version yet. */
function behind({ edge }: World): Edge {
  const last = edge.version() - 1
  return {
    ...edge.port,
    read: () => edge.port.version(last),
    version: async (version) => (version > last ? null : edge.port.version(version)),
  }
}
