import type { AlertRecord, Outcome } from '../core/outcome.ts'
import type { Clock, JobData, Records, Stored } from '../ports.ts'
import { coalesce } from './coalesce.ts'
import { putRecord } from './ledger.ts'

interface Conclusion {
  readonly data: JobData
  readonly outcome: Outcome
}

const PAUSES = { quietMs: 0, mostMs: 0, mostItems: 250 }

/** Writes what became of alerts, many in one commit. Durable when it resolves. */
export function createConclusions(deps: {
  readonly records: Records
  readonly clock: Clock
  readonly events: {
    concluded(e: {
      alert: JobData['alert']
      outcome: string
      seconds: number | null
      suspects: readonly string[]
    }): void
  }
}): (data: JobData, outcome: Outcome) => Promise<void> {
  const { records, clock, events } = deps
  const together = coalesce(write, clock, PAUSES)

  async function write(conclusions: readonly Conclusion[]): Promise<undefined[]> {
    const now = clock.now()
    const ids = conclusions.map(({ data }) => data.alert.id)
    const known = await records.get<AlertRecord>('outcomes', ids)
    const news = newsIn(conclusions, known)
    await records.commit({
      put: news.map(({ data, outcome }) => {
        const record = known.get(data.alert.id)?.doc ?? newRecord(data, now)
        const { round: _, ...rest } = record
        const round = data.reopenedAt === undefined ? {} : { round: data.reopenedAt }
        return putRecord(data.alert.id, { ...rest, ...round, outcome, at: now.toISOString(), waiting: null }, now)
      }),
      remove: conclusions.flatMap(({ data }) =>
        mayBeParked(data) ? [{ collection: 'parked' as const, id: data.alert.id }] : [],
      ),
    })
    for (const { data, outcome } of news) {
      const seconds = (now.getTime() - Date.parse(data.acceptedAt)) / 1000
      events.concluded({ alert: data.alert, outcome, seconds, suspects: data.alert.suspects })
    }
    return conclusions.map(() => undefined)
  }

  return (data, outcome) => together.ask({ data, outcome })
}

/** The first of each end that is not in the ledger yet: a job that was taken for stalled runs twice, and may come to its end twice. */
function newsIn(
  conclusions: readonly Conclusion[],
  known: ReadonlyMap<string, Stored<AlertRecord>>,
): readonly Conclusion[] {
  const seen = new Set<string>()
  return conclusions.filter(({ data, outcome }) => {
    const { alert, reopenedAt: round } = data
    const record = known.get(alert.id)?.doc
    const end = JSON.stringify([alert.id, outcome, round])
    if (seen.has(end) || (record?.outcome === outcome && record.round === round)) return false
    seen.add(end)
    return true
  })
}

/** A job that was taken up again no longer knows whether it waited before. */
function mayBeParked({ waiting, reopenedAt }: JobData): boolean {
  return waiting !== undefined || reopenedAt !== undefined
}

/** An alert whose playbook blocks nothing has no record before its end. */
function newRecord(data: JobData, now: Date): AlertRecord {
  const { rule, space } = data.alert
  const at = now.toISOString()
  return {
    outcome: null,
    firstDecidedAt: at,
    at,
    waiting: null,
    rule: rule.name,
    playbook: data.playbook.name,
    space,
    wanted: [],
    refused: [],
  }
}
