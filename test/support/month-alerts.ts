import { equal, ok } from 'node:assert/strict'
import type { Alert } from '../../src/core/alert.ts'
import type { AlertRecord } from '../../src/core/outcome.ts'
import type { Raised } from './month-checks.ts'
import { MINUTE } from './month-oracle.ts'
import type { Going } from './month-orders.ts'
import type { Chance } from './month-story.ts'

const RAISED_LATE = 9 * MINUTE
let ids = 0

/** The rules look at the last ten minutes and raise an alert for each attacker in them; the sender may repeat itself. */
export async function raise(going: Going, attackers: readonly string[]): Promise<string[]> {
  const { world, chance, raised } = going
  const alerts = [...new Set(attackers)].map((address) => ({
    address,
    alert: alertAbout(address, going.now(), chance),
  }))
  for (const { address, alert } of alerts) {
    const event = Date.parse(alert.time ?? '')
    raised.set(alert.id, { id: alert.id, address, event, decidedAt: null, acknowledgedAt: 0, answer: 'none' })
  }
  const all = alerts.map(({ alert }) => alert)
  try {
    await world.deliver(all)
    if (chance.below(5) === 0) await world.deliver(chance.some(all, 2))
  } catch (error) {
    if (!world.isDead()) throw error
    // Nobody has said that they arrived: they stay open for catch-up, which is not of this month.
    for (const { id } of all) if (world.queue.state(id) === null) raised.delete(id)
  }
  return all.map(({ id }) => id).filter((id) => raised.has(id))
}

/** Runs the jobs, and tells the oracle which alerts were decided. */
export async function decide(going: Going, ids: readonly string[]): Promise<void> {
  const { world, oracle, raised } = going
  const now = going.now()
  const before = await world.records.get<AlertRecord>('outcomes', ids)
  const asked = ids.filter((id) => willDecide(going, id, before.get(id)?.doc))
  await world.run(ids)
  const after = await world.records.get<AlertRecord>('outcomes', asked)
  for (const id of asked) {
    const alert = raised.get(id) as Raised
    const [was, is] = [before.get(id)?.doc, after.get(id)?.doc]
    if (is === undefined || Date.parse(is.at) !== now || JSON.stringify(is) === JSON.stringify(was)) continue
    const since = was === undefined || was.outcome !== null ? null : Date.parse(was.at)
    alert.answer = oracle.alerted(alert.address, alert.event, now, since)
    if (alert.answer === 'lapsed') continue
    ok(now >= going.pausedUntil, `${id} is decided during a pause`)
    alert.decidedAt = now
    equal(is.refused[0]?.refusal ?? 'wanted', alert.answer, `${id} about ${alert.address}`)
  }
}

function willDecide({ world }: Going, id: string, record: AlertRecord | undefined): boolean {
  const { checkpoints, reopenedAt } = world.queue.data(id)
  return !('block' in checkpoints) && !(record?.outcome && record.round === reopenedAt)
}

function alertAbout(address: string, now: number, chance: Chance): Alert {
  const suspect = address.replace(/\/64$/, (chance.below(65_000) + 1).toString(16))
  const rule = { id: 'rule-1', ruleId: 'rule-1', name: 'Potential Web Server Scanning', tags: [] }
  return {
    ...{ id: `alert-${String(++ids).padStart(16, '0')}`, index: '', space: 'default', rule, severity: 'high' },
    ...{ time: new Date(now - chance.below(RAISED_LATE)).toISOString(), run: 'scheduled', eventTime: true },
    ...{ suspects: [suspect], evidence: {} },
  }
}
