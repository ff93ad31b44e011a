import { deepEqual, equal } from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import {
  adding,
  DAY,
  HOUR,
  MINUTE,
  removing,
  settleWorld,
  termsIn,
  type World,
  withTerms,
} from '../support/settle-world.ts'

const [A, B, C] = ['1.1.1.1', '2.2.2.2', '3.3.3.3']
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

  it('lets out the one address of a new rule that is exchanged for another: a version before the rule was is no ancestor', async () => {
    const fresh = settleWorld()
    fresh.edge.edit(() => [{ description: 'F' }])
    await fresh.pass()
    fresh.edge.edit(adding(A))
    await fresh.pass()
    fresh.edge.edit(withTerms(() => [B]))
    await fresh.pass()
    deepEqual(termsIn(fresh.edge.rules()), [B])
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
})
