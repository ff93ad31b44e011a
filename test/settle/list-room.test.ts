import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { spilling } from '../../src/pipeline/spilling.ts'
import { LIST, type ListWorld, listWorld } from '../support/list-world.ts'
import { MINUTE, OURS, termsIn } from '../support/settle-world.ts'

const [A, B, C] = ['1.1.1.1', '2.2.2.2', '3.3.3.3']

describe('writes to a list that nobody has heard the end of', () => {
  let world: ListWorld
  beforeEach(() => {
    world = listWorld()
  })
  const held = () => world.held(LIST)
  const why = async (address: string) => (await world.bans()).get(address)?.edges[LIST]?.why

  it('what such a removal may yet take out does not count as held', async () => {
    await world.alert(A)
    await world.settle()
    await world.unban(A)
    world.list.fates.push('late')
    await rejects(world.settleList())
    await world.alert(A)
    await world.settleList()
    deepEqual([world.texts(), await held()], [[A], []])
    world.clock.advance(3 * MINUTE)
    await world.settleList()
    deepEqual(await held(), [A])
  })

  for (const fate of ['answer-lost', 'late', 'stuck'] as const) {
    it(`a displaced ban whose removal ends so (${fate}) is no release`, async () => {
      world.list.quota = 2
      for (const address of [A, B]) {
        await world.alert(address)
        world.clock.advance(1000)
      }
      await world.settle()
      await world.operatorBan(C)
      // The account says that it is full before anything is taken out.
      world.list.fates.push('taken', fate)
      await world.settleList().catch(() => undefined)
      world.list.land()
      world.restart()
      await world.settleList()
      await world.settleList()
      deepEqual([world.texts(), await held(), world.count('released')], [[B, C], [B, C], 0])
      ok(['displaced', 'edge-full'].includes((await why(A)) ?? ''))
    })
  }

  it('a removal that this very pass made is no release where the items have to be read again', async () => {
    world.list.quota = 2
    for (const address of [A, B]) {
      await world.alert(address)
      world.clock.advance(1000)
    }
    await world.settleList()
    await world.operatorBan(C)
    await world.settleList()
    deepEqual([await held(), world.count('released')], [[B, C], 0])
  })

  it('bans that had spilled into numbered rules move to the list, and those rules go', async () => {
    const edge = spilling(world.edge.port, { limit: 120, maxRules: 3 }, world.clock)
    const rule = { description: OURS, action: 'block', limit: edge.limit?.() ?? 0 }
    const all = Array.from({ length: 16 }, (_, i) => `5.5.5.${10 + i}`)
    for (const address of all) await world.alert(address)
    await world.pass({ edge, rule })
    equal(world.edge.rules().length, 2)
    await world.settleList()
    const list = { name: 'portcullis', wanted: true }
    await world.pass({ edge, rule, list })
    deepEqual([termsIn(world.edge.rules()), await world.held('shop')], [[], all])
    await world.pass({ edge, rule, list: { ...list, wanted: false } })
    deepEqual(await world.held('shop'), all)
    equal(world.edge.rules().length, 2)
    ok(!JSON.stringify(world.edge.rules()).includes('$portcullis'))
  })
})
