import { deepEqual, equal, rejects } from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { HistoryEntry } from '../../src/core/history.ts'
import { interrupted } from '../support/fake-edge.ts'
import { LIST, listWorld } from '../support/list-world.ts'
import { HOUR, MINUTE, ownRule, settleWorld } from '../support/settle-world.ts'

describe('the history', () => {
  it('says what was put in for what reason, and between which versions', async () => {
    const world = settleWorld()
    await world.alert('1.0.0.1')
    await world.pass()
    const [entry] = await historyOf(world)
    deepEqual(
      [entry?.kind, entry?.addresses, entry?.detail, entry?.versionBefore, entry?.versionAfter],
      ['put-in', ['1.0.0.1'], 'alert: Scanning', 0, 1],
    )
  })

  it('says what ended, and that it was taken out', async () => {
    const world = settleWorld()
    await world.alert('1.0.0.1', { durationMs: HOUR })
    await world.pass()
    world.clock.advance(2 * HOUR)
    await world.pass()
    deepEqual((await historyOf(world)).map(({ kind }) => kind).sort(), ['ended', 'put-in', 'taken-out'])
  })

  it('says what a person put in and let out, and in which version', async () => {
    const world = settleWorld()
    await world.alert('1.0.0.1')
    await world.pass()
    const holding = (terms: string) => {
      const ours = ownRule(world.edge.rules())
      world.edge.edit((rules) =>
        rules.map((r) => (r.ref === ours?.ref ? { ...r, expression: `(ip.src in {${terms}})` } : r)),
      )
      world.clock.advance(MINUTE)
      return world.pass()
    }
    await holding('1.0.0.1 7.7.7.7')
    await holding('7.7.7.7')
    const said = (await historyOf(world)).map(({ kind, addresses, versionAfter }) => [kind, addresses[0], versionAfter])
    deepEqual(said, [
      ['put-in', '1.0.0.1', 1],
      ['adopted', '7.7.7.7', 2],
      ['released', '1.0.0.1', 3],
    ])
  })

  it('says once what a PUT did whose answer was lost', async () => {
    const world = settleWorld()
    await world.alert('1.0.0.1')
    world.edge.fates.push('answer-lost')
    await rejects(world.pass())
    for (let pass = 0; pass < 2; pass++) await world.pass()
    deepEqual(
      (await historyOf(world)).map(({ kind, addresses, detail, versionAfter }) => [
        kind,
        addresses,
        detail,
        versionAfter,
      ]),
      [['put-in', ['1.0.0.1'], 'alert: Scanning', 1]],
    )
  })

  it('says once what a PUT did that somebody wrote into, and that his change was brought back', async () => {
    const world = settleWorld()
    await world.alert('1.0.0.1')
    const meanwhile = () => world.edge.edit((rules) => [...rules, { description: 'theirs', action: 'log' }])
    await world.pass({ edge: interrupted(world.edge.port, [meanwhile]) })
    await world.pass()
    const told = (await historyOf(world)).map(({ kind, versionAfter, detail }) => [kind, versionAfter, detail])
    deepEqual(told, [
      ['put-in', 2, 'alert: Scanning'],
      ['written', 3, 'brought back a change of others that we had written over'],
    ])
  })

  it('says that our rule was written where no address of it changed', async () => {
    const world = listWorld()
    await world.alert('1.0.0.1')
    await world.settle()
    const told = (await historyOf(world)).map(({ kind, edge, addresses, by }) => [kind, edge, addresses.length, by])
    deepEqual(told, [
      ['put-in', LIST, 1, 'portcullis'],
      ['written', 'shop', 0, 'portcullis'],
    ])
  })

  it('says what was taken out of a list whose bans have gone back into the rule, also where that took two tries', async () => {
    const world = listWorld()
    for (const address of ['1.0.0.1', '2.0.0.1', '3.0.0.1']) await world.alert(address)
    await world.settle()
    world.list.put('7.7.7.7', 'of a person')
    await world.settle()
    world.list.fates.push('stuck')
    equal(await world.settleBack(), false)
    world.list.land()
    await world.alert('4.0.0.1')
    equal(await world.settleBack(), true)
    deepEqual(world.texts(), ['7.7.7.7'])
    const ofList = (await historyOf(world)).filter(({ edge }) => edge === LIST)
    deepEqual(
      ofList.map(({ kind, addresses, by }) => [kind, addresses.toSorted(), by]),
      [
        ['put-in', ['1.0.0.1', '2.0.0.1', '3.0.0.1'], 'portcullis'],
        ['adopted', ['7.7.7.7'], `a person, at ${LIST}`],
        ['taken-out', ['1.0.0.1', '2.0.0.1', '3.0.0.1'], 'portcullis'],
      ],
    )
  })

  it('is silent about passes that change nothing', async () => {
    const world = settleWorld()
    await world.pass()
    await world.pass()
    equal((await historyOf(world)).length, 0)
  })
})

async function historyOf(world: ReturnType<typeof settleWorld>): Promise<HistoryEntry[]> {
  const stored = await world.records.recent<HistoryEntry>('history', { limit: 100 })
  return stored.map(({ doc }) => doc).reverse()
}
