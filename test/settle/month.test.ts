import { ok } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { liveMonth } from '../support/month-live.ts'

// MONTH_SEEDS lets so many new ones soak, MONTH_DAYS makes them longer or shorter, SEED repeats one.
const days = Number(process.env.MONTH_DAYS ?? 30)
const fresh = Number(process.env.MONTH_SEEDS ?? 0)
const first = Number(process.env.SEED ?? (fresh > 0 ? Date.now() % 2 ** 31 : 1))
const seeds = Math.max(1, fresh)

describe('a month of attacks, repeat offences, hand edits, releases, restarts and outages at two zones', () => {
  for (let n = 0; n < seeds; n++) {
    const seed = first + n
    it(`finds both zones holding what they should at every settled moment (SEED=${seed})`, async (t) => {
      const month = await liveMonth({ seed, days, zones: ['shop', 'blog'] })
      ok(month.alerts > 0)
      t.diagnostic(JSON.stringify(month))
    })
  }
})
