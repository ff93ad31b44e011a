import { deepEqual, equal, ok } from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import fc from 'fast-check'
import { createBudget } from '../../src/adapters/budget.ts'
import { type BudgetState, CLOUDFLARE_RATE, close, closedFor, take } from '../../src/core/budget.ts'
import type { Clock, Records } from '../../src/ports.ts'
import { withStores } from '../support/stores.ts'
import { until } from '../support/stores-jobs.ts'

const RATE = { burst: 3, perSecond: 2 }
const at = (ms: number) => new Date(1_800_000_000_000 + ms)
const MINUTES = 60_000

describe('the bucket of calls', () => {
  /** When each of these askers may call, ms after the first instant. */
  function calls(askedAt: readonly number[], from: BudgetState | null = null): number[] {
    let state = from
    return askedAt.map((ms) => {
      const taken = take(state, at(ms), RATE)
      state = taken.state
      return ms + taken.waitMs
    })
  }

  it('gives a burst at once, and then so many a second, in the order of asking', () => {
    deepEqual(calls([0, 0, 0, 0, 0, 0]), [0, 0, 0, 500, 1000, 1500])
  })

  it('is full again after a rest, and never fuller', () => {
    deepEqual(calls([0, 0, 0, 60_000, 60_000, 60_000, 60_000]), [0, 0, 0, 60_000, 60_000, 60_000, 60_500])
  })

  it('is closed for all until then, also for those within the burst', () => {
    const closed = close(null, at(10_000), at(0), RATE)
    deepEqual(calls([0, 1000], closed), [10_000, 10_000])
    deepEqual(calls([11_000], closed), [11_000])
  })

  it('stays closed when somebody else knows of an earlier end', () => {
    const closed = close(close(null, at(10_000), at(0), RATE), at(5000), at(0), RATE)
    equal(closedFor(closed, at(4000)), 6000)
  })

  it('waits at most five minutes for a state from the future', () => {
    const future = { tokens: -1000, at: at(60 * MINUTES).getTime(), closedUntil: at(120 * MINUTES).getTime() }
    ok((calls([0], future)[0] ?? 0) <= 5 * MINUTES)
    ok(closedFor(future, at(0)) <= 5 * MINUTES)
  })

  it('gives nothing twice to two clocks that differ by a second', () => {
    let state: BudgetState | null = null
    let made = 0
    for (let ms = 0; ms < 20_000; ms += 100) {
      const taken = take(state, at(ms + (ms % 200 === 0 ? 1000 : 0)), RATE)
      if (taken.waitMs > 0) continue
      state = taken.state
      made += 1
    }
    ok(made <= RATE.burst + 21 * RATE.perSecond, `${made} calls`)
  })

  it('never lets more through in any five minutes than the burst and the rate together (a law)', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 700 }), (pauses) => {
        let now = 0
        let state: BudgetState | null = null
        const made = pauses.map((pause) => {
          now += pause > 15_000 ? pause : 0
          const taken = take(state, at(now), CLOUDFLARE_RATE)
          state = taken.state
          return now + taken.waitMs
        })
        for (const start of made) {
          const within = made.filter((ms) => ms >= start && ms < start + 5 * MINUTES).length
          ok(within <= 591 && within < 600, `${within} calls`)
        }
      }),
      { numRuns: 30 },
    )
  })
})

/** A clock that stands still until told to move on. */
function handClock(): Clock & { pass(ms: number): void; sleeping(): number } {
  let now = at(0).getTime()
  const sleepers = new Set<{ until: number; wake: () => void }>()
  return {
    now: () => new Date(now),
    sleep: (ms) => new Promise((wake) => sleepers.add({ until: now + ms, wake })),
    sleeping: () => sleepers.size,
    pass(ms) {
      now += ms
      for (const sleeper of [...sleepers].filter(({ until }) => until <= now)) {
        sleepers.delete(sleeper)
        sleeper.wake()
      }
    },
  }
}

describe('the shared budget', () => {
  withStores((_kind, place) => {
    let records: Records
    before(async () => {
      records = (await place.open()).records
    })

    it('is one for all who share the store, and serves each in turn', async () => {
      const clock = handClock()
      const deps = { records, clock, fingerprint: 'shared', rate: RATE }
      const [one, two] = [createBudget(deps), createBudget(deps)]
      const served: number[] = []
      const all = Array.from({ length: 3 }, async (_, n) => {
        await one.take()
        served.push(n)
      })
      await Promise.all(all)
      const waiting = [3, 4].map(async (n) => {
        await two.take()
        served.push(n)
      })
      await until(() => clock.sleeping() === 2)
      deepEqual(served, [0, 1, 2])
      clock.pass(500)
      await waiting[0]
      deepEqual(served, [0, 1, 2, 3])
      clock.pass(500)
      await Promise.all(waiting)
      deepEqual(served, [0, 1, 2, 3, 4])
    })

    it('holds back those who wait already when it is closed meanwhile, and lets them go one by one', async () => {
      const clock = handClock()
      const deps = { records, clock, fingerprint: 'closed', rate: { burst: 1, perSecond: 1 } }
      const [one, two] = [createBudget(deps), createBudget(deps)]
      await one.take()
      let served = 0
      const waiting = [1, 2].map(async () => {
        await one.take()
        served += 1
      })
      await until(() => clock.sleeping() === 2)
      await two.close(at(30_000))
      clock.pass(2000)
      await until(() => clock.sleeping() === 2)
      clock.pass(27_999)
      equal(clock.sleeping(), 2)
      equal(served, 0)
      // Which of them looked first after waking is up to the store.
      clock.pass(1001)
      await until(() => served === 1)
      equal(clock.sleeping(), 1)
      clock.pass(1000)
      await Promise.all(waiting)
      equal(served, 2)
    })

    it('remembers after a restart what was spent', async () => {
      const clock = handClock()
      const deps = { records, clock, fingerprint: 'restart', rate: { burst: 1, perSecond: 1 } }
      await createBudget(deps).take()
      const after = createBudget(deps).take()
      await until(() => clock.sleeping() === 1)
      clock.pass(1000)
      await after
    })
  })
})
