import { passingWeek } from '../test/support/passing-week.ts'
import type { StoreConfig } from '../test/support/stores.ts'
import type { Place } from './places.ts'
import type { Findings } from './soak-findings.ts'

const DAYS = 7
const MB = 2 ** 20
// BullMQ keeps so many finished jobs of each kind.
const MOST_JOBS = 20_000

/** Seven simulated days of alerts on a clock that is moved on. */
export async function week(place: Place, alertsPerDay: number, findings: Findings): Promise<void> {
  const env = await place.fresh()
  const config: StoreConfig = {
    store: place.kind === 'redis' ? { kind: 'redis', url: String(env.STORE_URL) } : { kind: 'embedded' },
    dataDir: env.DATA_DIR ?? '',
  }
  findings.part(`week: ${DAYS} days with ${alertsPerDay} alerts each, ${place.kind}`)
  const days = await passingWeek(
    config,
    {
      days: DAYS,
      alertsPerDay,
      sources: Math.round(alertsPerDay / 10),
      portions: 24,
      ticksPerDay: 240,
      env: { HISTORY_FOR: '2d', OFFENCE_MEMORY: '2d' },
    },
    ({ day, bytes, jobs, records }) => {
      const { outcomes = 0, history = 0, offences = 0, bans = 0 } = records
      const counts = `${jobs} jobs, ${outcomes} outcomes, ${history} history, ${offences} offences, ${bans} bans`
      findings.figure(`day ${day}`, `${(bytes / MB).toFixed(1)} MB: ${counts}`)
    },
  )
  const [third, last] = [days[2], days.at(-1)]
  if (third === undefined || last === undefined) throw new Error('the week was too short')
  const grown = (name: string) => (last.records[name] ?? 0) / Math.max(1, third.records[name] ?? 0)
  findings.bound('finished jobs kept', last.jobs, '≤', MOST_JOBS + alertsPerDay, 'removeOnComplete')
  findings.bound('outcomes', last.records.outcomes ?? 0, '≤', DAYS * alertsPerDay, 'for 30 days')
  findings.bound('history, × of the third day', grown('history'), '<', 1.5, 'HISTORY_FOR, here 2d')
  findings.bound('offences, × of the third day', grown('offences'), '<', 1.5, 'OFFENCE_MEMORY, here 2d')
  findings.bound('bans', last.records.bans ?? 0, '<', alertsPerDay / 10 + 10, 'end after an hour')
  const perAlert = (last.bytes - third.bytes) / ((DAYS - 3) * alertsPerDay)
  findings.bound('bytes an alert, after the third day', perAlert, '<', 4_000, 'its job and its outcome')
}
