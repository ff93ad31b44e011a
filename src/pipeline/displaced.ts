import type { AlertRecord } from '../core/outcome.ts'
import type { Clock, JobData, Queue, Records, Siem } from '../ports.ts'
import { putRecord } from './ledger.ts'
import { reopen } from './reopen.ts'

export interface DisplacedDeps {
  readonly records: Records
  readonly queue: Queue
  readonly clock: Clock
  readonly siem: Siem | null
  readonly events: {
    concluded(e: {
      alert: JobData['alert']
      outcome: string
      seconds: number | null
      suspects: readonly string[]
    }): void
  }
}

/**
 * Alerts whose bans lost their place are no longer blocked: they are set back to open where they still are as we left them,
 * and wait again. What is to be done stands in the ledger until it is done.
 */
export async function reopenDisplaced(deps: DisplacedDeps): Promise<void> {
  const todo = (await deps.records.all('settings')).filter(({ id }) => id.startsWith(PREFIX))
  if (todo.length === 0) return
  const addresses = new Set(todo.map(({ id }) => id.slice(PREFIX.length)))
  const alerts = (await deps.records.all<AlertRecord>('outcomes')).filter(
    ({ doc }) => doc.outcome === 'blocked' && doc.wanted.some((address) => addresses.has(address)),
  )
  if (deps.siem !== null && alerts.length > 0) {
    await deps.siem.mark(
      alerts.map(({ id, doc }) => ({ id, space: doc.space, status: 'open' as const, tag: 'displaced' })),
    )
  }
  const now = deps.clock.now()
  const displaced = alerts.map(({ id, doc }) =>
    putRecord(id, { ...doc, outcome: 'displaced', at: now.toISOString() }, now),
  )
  await deps.records.commit({ put: displaced })
  for (const { id } of alerts) {
    const job = await deps.queue.read(id)
    if (job === null) continue
    const { alert } = job.data
    deps.events.concluded({ alert, outcome: 'displaced', seconds: null, suspects: alert.suspects })
    await reopen(deps, [job.data])
  }
  await deps.records.commit({ remove: todo.map(({ id }) => ({ collection: 'settings' as const, id })) })
}

const PREFIX = 'displaced:'

/** The id of the note that an address was displaced and its alerts are to be reopened. */
export function displacedNote(address: string): string {
  return `${PREFIX}${address}`
}
