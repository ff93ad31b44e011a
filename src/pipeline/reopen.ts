import type { AlertRecord } from '../core/outcome.ts'
import type { Playbook } from '../core/playbook.ts'
import { PermanentError } from '../errors.ts'
import type { Clock, JobData, Queue, Records } from '../ports.ts'

interface ReopenDeps {
  readonly records: Records
  readonly queue: Queue
  readonly clock: Clock
}

/** Takes concluded alerts up again: their stored job in place, or a new one where it is gone. One step, so that no crash leaves half of it. */
export async function reopen({ queue, clock }: Omit<ReopenDeps, 'records'>, jobs: readonly JobData[]): Promise<void> {
  if (jobs.length === 0) return
  const at = clock.now().toISOString()
  const entries = jobs.map(({ waiting, failures, ...data }) => ({
    id: data.alert.id,
    data: { ...data, acceptedAt: at, reopenedAt: at, checkpoints: {} },
  }))
  const there = new Set(await queue.rerun(entries))
  await queue.add(entries.filter(({ id }) => !there.has(id)))
}

/**
 * Enforcing by now: takes up every alert that was only observed and whose job is still stored, but for those whose playbook goes
 * on observing; answers how many.
 */
export async function reopenObserved(
  deps: ReopenDeps & { readonly playbookBy: (hash: string) => Promise<Playbook> },
): Promise<number> {
  const records = await deps.records.all<AlertRecord>('outcomes')
  const ids = records.filter(({ doc }) => doc.outcome === 'observing').map(({ id }) => id)
  let reopened = 0
  for (const id of ids) {
    const job = await deps.queue.read(id)
    if (job === null || !(await isEnforced(deps.playbookBy, job.data))) continue
    await reopen(deps, [job.data])
    reopened++
  }
  return reopened
}

async function isEnforced(playbookBy: (hash: string) => Promise<Playbook>, { playbook }: JobData): Promise<boolean> {
  try {
    return (await playbookBy(playbook.hash)).mode === 'enforce'
  } catch (error) {
    if (error instanceof PermanentError) return false
    throw error
  }
}

/** By a person: a fresh clock, never too old, every step again (of a failed job only the unfinished ones). False: no such job. */
export async function replay(
  { queue, clock }: Omit<ReopenDeps, 'records'>,
  alertId: string,
  by: string,
): Promise<boolean> {
  const job = await atRest(queue, clock, alertId)
  if (job === null) return false
  const at = clock.now().toISOString()
  const { waiting, failures, ...data } = job.data
  const checkpoints = job.state === 'failed' ? data.checkpoints : {}
  const fresh = { ...data, acceptedAt: at, reopenedAt: at, replay: { at, by }, checkpoints }
  return (await queue.rerun([{ id: alertId, data: fresh }])).length > 0
}

/** The job once nobody works on it: until then it keeps what it began with. One that works for longer is answered as it is. */
async function atRest(queue: Queue, clock: Clock, alertId: string): ReturnType<Queue['read']> {
  for (let look = 0; ; look++) {
    const job = await queue.read(alertId)
    if (job?.state !== 'active' || look === MOST_LOOKS) return job
    await clock.sleep(LOOK_AGAIN_MS)
  }
}

// Five seconds; most jobs come to rest within one.
const MOST_LOOKS = 50
const LOOK_AGAIN_MS = 100
