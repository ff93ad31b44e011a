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
  const there = await queue.rerun(entries)
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

/** What became of an order to replay; every id is in one of these. */
export interface Replayed {
  readonly replayed: string[]
  /** Still at work, or not yet begun, with what they have: nothing was changed. */
  readonly busy: string[]
  /** There is no job (any more). */
  readonly unknown: string[]
}

/**
 * By a person: a fresh clock, never too old, every step again (of a failed job only the unfinished ones). A job keeps what it began
 * with, so those that are at work are waited for, five seconds in all.
 */
export async function replay(
  deps: Omit<ReopenDeps, 'records'>,
  alertIds: readonly string[],
  by: string,
): Promise<Replayed> {
  const found = new Map<string, keyof Replayed>()
  for (let look = 0, left = alertIds; left.length > 0; look++) {
    for (const id of left) found.set(id, await replayOne(deps, id, by))
    left = left.filter((id) => found.get(id) === 'busy')
    if (look === MOST_LOOKS) break
    if (left.length > 0) await deps.clock.sleep(LOOK_AGAIN_MS)
  }
  const those = (what: keyof Replayed) => alertIds.filter((id) => found.get(id) === what)
  return { replayed: those('replayed'), busy: those('busy'), unknown: those('unknown') }
}

async function replayOne(
  { queue, clock }: Omit<ReopenDeps, 'records'>,
  id: string,
  by: string,
): Promise<keyof Replayed> {
  const job = await queue.read(id)
  if (job === null) return 'unknown'
  const at = clock.now().toISOString()
  const { waiting, failures, ...data } = job.data
  const checkpoints = job.state === 'failed' ? data.checkpoints : {}
  const again = (
    await queue.rerun([{ id, data: { ...data, acceptedAt: at, reopenedAt: at, replay: { at, by }, checkpoints } }])
  ).get(id)
  return again === undefined ? 'unknown' : again ? 'replayed' : 'busy'
}

// Five seconds; most jobs come to rest within one.
const MOST_LOOKS = 50
const LOOK_AGAIN_MS = 100
