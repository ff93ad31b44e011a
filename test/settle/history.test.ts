import { deepEqual, equal } from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { HistoryEntry } from '../../src/core/history.ts'
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
