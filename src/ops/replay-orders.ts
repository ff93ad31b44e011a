import { Queue } from 'bullmq'
import { REFUSALS } from '../core/guards.ts'
import type { AlertRecord } from '../core/outcome.ts'
import type { Records } from '../ports.ts'
import { OpsRefusal } from './ops-refusal.ts'

const MOST = 10_000
const WORDS: readonly string[] = [...REFUSALS, 'lapsed', 'gave-up', 'displaced', 'unknown-alert', 'partly']

/** `{alerts: [id, …]}`, `{failed: true}` or `{refused: word}`: the ids that are meant, each once. A 400 where it is none or several of these. */
export async function alertsToReplay(
  deps: { readonly records: Records; readonly board: unknown },
  body: unknown,
): Promise<string[]> {
  const { alerts, failed, refused } = Object(body) as { alerts?: unknown; failed?: unknown; refused?: unknown }
  if ([alerts, failed, refused].filter((given) => given !== undefined).length !== 1)
    throw new OpsRefusal(400, 'Say which alerts: `alerts` (a list of ids), `failed` (true), or `refused` (a word).')
  if (failed === true) return failedAlerts(deps.board)
  if (typeof refused === 'string') return refusedAlerts(deps.records, refused)
  if (!Array.isArray(alerts) || alerts.length === 0 || alerts.length > MOST || !alerts.every(isId))
    throw new OpsRefusal(400, `alerts must be a list of 1 to ${MOST} alert ids.`)
  return [...new Set<string>(alerts)]
}

async function failedAlerts(board: unknown): Promise<string[]> {
  if (!(board instanceof Queue)) return []
  const jobs = await board.getJobs(['failed'], 0, MOST - 1)
  return jobs.flatMap((job) => {
    const id = (job?.data as { alert?: { id?: unknown } } | undefined)?.alert?.id
    return isId(id) ? [id] : []
  })
}

/** Alerts that ended with the word, or of which a suspect was refused with it. */
async function refusedAlerts(records: Records, word: string): Promise<string[]> {
  if (!WORDS.includes(word)) throw new OpsRefusal(400, `refused must be one of: ${WORDS.join(', ')}.`)
  const outcomes = await records.all<AlertRecord>('outcomes')
  const meant = outcomes.filter(
    ({ doc }) =>
      doc.outcome === word || (doc.outcome === 'partly' && doc.refused.some(({ refusal }) => refusal === word)),
  )
  return meant.slice(0, MOST).map(({ id }) => id)
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= 512
}
