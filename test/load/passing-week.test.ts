import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Day, passingWeek } from '../support/passing-week.ts'
import { withStores } from '../support/stores.ts'

const DAYS = 7
const KEPT_JOBS = 60
const ALERTS = 48
const MB = 2 ** 20
// From the third day to the last. The write-ahead log may still need one more of its files of 16 MB.
const GROWS = { redis: MB, embedded: 17 * MB, postgres: 0 }

withStores((kind, place) => {
  const skip = kind === 'postgres' && 'it keeps what the embedded store keeps'
  describe(`seven days of alerts (${kind})`, { skip, timeout: 360_000 }, () => {
    it('leave what is promised to be kept, and nothing else', async (t) => {
      const days = await passingWeek(place.config(), {
        days: DAYS,
        alertsPerDay: ALERTS,
        sources: 24,
        keepFinished: KEPT_JOBS,
        portions: 2,
        ticksPerDay: 60,
        env: { HISTORY_FOR: '2d', OFFENCE_MEMORY: '2d' },
      })
      t.diagnostic(days.map(({ bytes }) => `${(bytes / MB).toFixed(1)} MB`).join(', '))
      const [second, last] = [days[1], days.at(-1)] as [Day, Day]
      assert.equal(last.records.outcomes, DAYS * ALERTS, 'outcomes are kept for 30 days')
      assert.ok(last.jobs <= KEPT_JOBS + ALERTS, `${last.jobs} jobs`)
      // What is forgotten goes up to a day after its time: every 60 passes.
      for (const name of ['history', 'offences'] as const)
        assert.ok((last.records[name] ?? 0) <= 2 * (second.records[name] ?? 0), `${name}: ${JSON.stringify(days)}`)
      for (const name of ['bans', 'parked', 'released', 'settings', 'leases', 'epochs', 'edges', 'playbooks'] as const)
        assert.ok((last.records[name] ?? 0) <= (second.records[name] ?? 0) + 2, `${name}: ${JSON.stringify(days)}`)
      assert.ok(last.bytes - (days[2] as Day).bytes <= GROWS[kind], `bytes: ${JSON.stringify(days)}`)
    })
  })
})
