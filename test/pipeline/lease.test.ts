import { equal, ok, rejects } from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { type Lease, takeLease } from '../../src/pipeline/lease.ts'
import type { Change } from '../../src/ports.ts'
import { settleWorld, type World } from '../support/settle-world.ts'

describe('the lease of an edge', () => {
  let world: World
  let lease: Lease
  const left = async () => {
    const record = (await world.records.get<{ until: string }>('leases', ['shop'])).get('shop')
    return (Date.parse(record?.doc.until ?? '') - world.clock.now().getTime()) / 1000
  }
  beforeEach(async () => {
    world = settleWorld()
    lease = await takeLease(world.deps({ holder: 'one' }), 'shop')
  })

  for (const [after, before, expected] of [
    [4, 26, 26],
    [5, 25, 30],
    [29, 1, 30],
  ] as const) {
    it(`${before} s before its end, a write that may wait 9 s for the budget has ${expected} s`, async () => {
      world.clock.advance(after * 1000)
      equal(await left(), before)
      await lease.keep()
      equal(await left(), expected)
    })
  }

  it('is not kept once it has run out', async () => {
    world.clock.advance(30_000)
    await rejects(lease.keep(), { name: 'LeaseLostError' })
  })

  it('is no ground to write on when the store took 5 s to renew it', async () => {
    const slow = {
      ...world.records,
      async commit(change: Change) {
        world.clock.advance(5_000)
        return world.records.commit(change)
      },
    }
    lease = await takeLease(world.deps({ holder: 'one', records: slow }), 'shop')
    await rejects(lease.keep(), { name: 'LeaseLostError', message: /the store took too long/ })
  })

  it('is not kept by whom another has taken it from', async () => {
    world.clock.advance(30_000)
    await takeLease(world.deps({ holder: 'another' }), 'shop')
    world.clock.advance(-1000)
    await rejects(lease.keep(), { name: 'LeaseLostError' })
  })

  it('is given back with the last write, and only if that was written', async () => {
    equal(await lease.endWith(async () => false), false)
    equal(await left(), 30)
    equal(await lease.endWith((free) => world.records.commit({ expect: [lease.fence], put: [free] })), true)
    ok((await left()) < 0)
    await takeLease(world.deps({ holder: 'one' }), 'shop')
    await lease.release()
    equal(await left(), 30)
  })
})
