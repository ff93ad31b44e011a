import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { PermanentError, RefusedError } from '../../src/errors.ts'
import type { AddressList } from '../../src/ports-list.ts'
import { LIST, type ListWorld, listWorld } from '../support/list-world.ts'
import { adding, HOUR, MINUTE, ownRule, termsIn } from '../support/settle-world.ts'

const [A, B, C] = ['1.1.1.1', '2.2.2.2', '3.3.3.3']
const many = (count: number) => Array.from({ length: count }, (_, i) => `5.${i >> 8}.${i & 255}.7`)

describe('writing to a list', () => {
  let world: ListWorld
  beforeEach(() => {
    world = listWorld()
  })
  const held = () => world.held(LIST)
  const why = async (address: string) => (await world.bans()).get(address)?.edges[LIST]?.why
  const trouble = (error: Error, word: string) => Object.assign(error, { trouble: word })
  const port = (changes: Partial<AddressList>): { list: AddressList } => ({ list: { ...world.list.port, ...changes } })

  it('sends only the difference, and never an item that is there', async () => {
    await world.alert(A)
    await world.settle()
    await world.alert(B)
    await world.settle()
    await world.settle()
    await world.unban(A)
    await world.settle()
    deepEqual(world.list.sent, [
      { add: [A], remove: [] },
      { add: [B], remove: [] },
      { add: [], remove: [A] },
    ])
  })

  it('adds before it takes out, so that no address is uncovered meanwhile', async () => {
    await world.operatorBan('9.9.0.0/16')
    await world.alert('9.9.9.9')
    await world.settle()
    await world.unban('9.9.0.0/16')
    await world.settle()
    deepEqual(world.list.sent.slice(1), [
      { add: ['9.9.9.9'], remove: [] },
      { add: [], remove: ['9.9.0.0/16'] },
    ])
  })

  it('reads all items at the start, every five minutes, when the count differs and when another held the lease', async () => {
    await world.alert(A)
    await world.settleList()
    const reads = async (what: () => unknown) => {
      const before = world.list.reads
      await what()
      return world.list.reads - before
    }
    equal(await reads(() => world.settleList()), 0)
    equal(await reads(() => world.clock.advance(4 * MINUTE) ?? world.settleList()), 0)
    equal(await reads(() => world.clock.advance(MINUTE) ?? world.settleList()), 1)
    equal(await reads(() => world.list.put(B) ?? world.settleList()), 1)
    equal(await reads(() => world.settleList({ holder: 'two', memory: { seen: null } })), 1)
    equal(await reads(() => world.settleList()), 1)
    equal(await reads(() => world.restart() ?? world.settleList()), 1)
  })

  it('keeps no items in the record of the edge', async () => {
    for (const address of many(50)) await world.alert(address)
    await world.settle()
    ok(!JSON.stringify(await world.listState()).includes('5.0.'))
  })

  for (const fate of ['answer-lost', 'late', 'refused'] as const) {
    it(`an addition whose answer says nothing (${fate}) is read, and made where it is missing`, async () => {
      await world.alert(A)
      world.list.fates.push(fate)
      await rejects(world.settleList())
      await world.settleList()
      deepEqual([await held(), world.texts()], [[A], [A]])
      world.list.land()
      await world.settle()
      deepEqual(world.texts(), [A])
    })

    it(`a removal whose answer says nothing (${fate}) is nobody’s hand`, async () => {
      await world.alert(A)
      await world.alert(B)
      await world.settle()
      await world.unban(A)
      world.list.fates.push(fate)
      await rejects(world.settleList())
      await world.alert(A)
      await world.settleList()
      world.list.land()
      await world.settleList()
      world.clock.advance(3 * MINUTE)
      await world.settleList()
      deepEqual([await held(), world.texts(), world.count('released')], [[A, B], [A, B], 0])
    })
  }

  it('an operation that does not end is asked for by the next passes; nothing else is sent, and nothing held is lost', async () => {
    await world.alert(A)
    await world.settle()
    await world.alert(B)
    world.list.fates.push('stuck')
    equal((await world.settleList()).state, 'edge-busy')
    await world.alert(C)
    equal((await world.settleList()).state, 'edge-busy')
    equal(world.list.sent.length, 2)
    deepEqual([await held(), await why(B), await why(C)], [[A], 'edge-busy', 'edge-busy'])
    world.restart()
    equal((await world.settleList()).state, 'edge-busy')
    deepEqual(await held(), [A])
    world.list.land()
    equal((await world.settleList()).state, 'ok')
    deepEqual(await held(), [A, B, C])
  })

  it('somebody else’s operation is waited for', async () => {
    await world.alert(A)
    await world.settle()
    const theirs = listWorld()
    theirs.list.make()
    world.list.fates.push('stuck')
    await world.list.port.add([{ address: C, comment: 'by hand' }])
    await world.alert(B)
    equal((await world.settleList()).state, 'edge-busy')
    world.list.land()
    await world.settleList()
    deepEqual(await held(), [A, B, C])
  })

  it('a full list takes what it can, those that wait say so, and room is used when there is some', async () => {
    world.list.quota = 3
    for (const address of many(5)) {
      await world.alert(address)
      world.clock.advance(1000)
    }
    await world.settle()
    deepEqual([(await held()).length, world.texts().length], [3, 3])
    const waiting = many(5).slice(0, 2)
    for (const address of waiting) equal(await why(address), 'edge-full')
    const { lastPass } = await world.listState()
    deepEqual([lastPass?.used, lastPass?.limit, lastPass?.waiting], [3, 3, 2])
    ok(world.count('edgeFull') > 0)
    await world.unban(many(5)[4] as string)
    await world.settle()
    equal(await why(waiting[1] as string), '')
    world.list.quota = 10
    world.clock.advance(11 * MINUTE)
    await world.settle()
    equal((await held()).length, 4)
  })

  it('an operator’s ban displaces the automatic one that was seen least recently', async () => {
    world.list.quota = 2
    for (const address of [A, B]) {
      await world.alert(address)
      world.clock.advance(1000)
    }
    await world.settle()
    await world.operatorBan(C)
    await world.settle()
    deepEqual([await held(), await why(A)], [[B, C], 'displaced'])
  })

  it('writes the /64 where single IPv6 addresses are not taken', async () => {
    const list = port({
      async add(items) {
        if (items.some(({ address }) => address.includes(':') && !address.includes('/')))
          throw trouble(new PermanentError('10035'), 'item-format')
        return world.list.port.add(items)
      },
    })
    await world.operatorBan('2001:4860::8888')
    await world.alert(A)
    await world.settleList(list)
    deepEqual(world.texts(), [A, '2001:4860::/64'])
    deepEqual(await held(), [A, '2001:4860::8888'])
    await world.settleList(list)
    equal(world.list.sent.length, 1)
    world.list.take('2001:4860::/64')
    await world.settleList(list)
    deepEqual(await held(), [A])
  })

  it('a list of another kind and a refused token have names; nothing counts as held', async () => {
    await world.alert(A)
    await world.settle()
    const kind = () => Promise.reject(trouble(new PermanentError('it is of kind hostname'), 'list-kind'))
    const report = await world.settleList(port({ find: kind }))
    deepEqual([report.state, await held(), await why(A)], ['edge-list-kind', [], 'edge-list-kind'])
    await rejects(world.settleList(port({ find: () => Promise.reject(new RefusedError('cloudflare', 'no')) })))
    const quota = () => Promise.reject(trouble(new PermanentError('one list only'), 'list-quota'))
    world.list.remove()
    equal((await world.settleList(port({ create: quota }))).state, 'edge-list-quota')
  })

  it('moving from rule to list: inline until the list holds it, then one PUT; and back in one PUT', async () => {
    for (const address of [A, B]) await world.alert(address)
    await world.pass()
    world.edge.edit(adding(C))
    await world.pass()
    const puts = world.edge.sent.length
    world.list.fates.push('stuck')
    await world.settle()
    deepEqual(termsIn(world.edge.rules()), [A, B, C])
    equal((await world.held('shop')).length, 3)
    world.list.land()
    await world.settle()
    deepEqual(termsIn(world.edge.rules()), [C])
    deepEqual(
      [await held(), await world.held('shop')],
      [
        [A, B],
        [A, B, C],
      ],
    )
    ok(world.edge.sent.length <= puts + 2)
    equal(await world.settleBack(), true)
    deepEqual(termsIn(world.edge.rules()), [A, B, C])
    ok(!String(ownRule(world.edge.rules())?.expression).includes('$'))
    deepEqual([world.texts(), await held(), await world.held('shop')], [[], [], [A, B, C]])
  })

  it('on the way back: what has no room in the rule is displaced, so that its alerts open again; people’s items stay', async () => {
    await world.alert(A, { durationMs: HOUR })
    world.clock.advance(1000)
    await world.alert(B, { durationMs: HOUR })
    await world.settle()
    world.list.put('7.7.7.7', 'mine')
    await world.settle()
    world.limit = 14 + 2 * 8 - 1
    equal(await world.settleBack(), true)
    deepEqual(termsIn(world.edge.rules()), [B, '7.7.7.7'])
    equal((await world.bans()).get(A)?.edges.shop?.why, 'displaced')
    deepEqual(world.texts(), ['7.7.7.7'])
  })

  it('a zone counts as held only what the list holds: no clock starts before', async () => {
    world.list.quota = 0
    await world.alert(A)
    await world.settle()
    deepEqual([await held(), await world.held('shop')], [[], []])
    equal((await world.bans()).get(A)?.reasons[0]?.until, null)
  })
})
