import type { HistoryEntry } from '../core/history.ts'
import type { Replayed } from '../pipeline/reopen.ts'
import type { Records } from '../ports.ts'
import { OpsRefusal } from './ops-refusal.ts'
import type { Status } from './status.ts'

const MOST_HISTORY = 1000

/** Newest first; `next` asks for the older ones as `?before=`, null: there are none. */
export async function readHistory(
  records: Records,
  query: Readonly<Record<string, unknown>>,
): Promise<{ entries: (HistoryEntry & { id: string })[]; next: string | null }> {
  const { limit = '100', before } = query
  if (typeof limit !== 'string' || !/^\d{1,4}$/.test(limit) || Number(limit) < 1 || Number(limit) > MOST_HISTORY)
    throw new OpsRefusal(400, `limit must be a number from 1 to ${MOST_HISTORY}.`)
  if (before !== undefined && (typeof before !== 'string' || !/^[\w.:-]{1,200}$/.test(before)))
    throw new OpsRefusal(400, 'before must be the `next` of an earlier answer.')
  const found = await records.recent<HistoryEntry>('history', {
    limit: Number(limit),
    ...(before === undefined ? {} : { before }),
  })
  const entries = found.map(({ id, doc }) => ({ id, ...doc }))
  return { entries, next: entries.length < Number(limit) ? null : (entries.at(-1)?.id ?? null) }
}

/** Each of these alerts is taken up again by a person's order. */
export async function replayAlerts(
  deps: { replay(alertIds: readonly string[], by: string): Promise<Replayed> },
  alerts: readonly string[],
  by: string,
): Promise<{ message: string } & Replayed> {
  const { replayed, busy, unknown } = await deps.replay(alerts, by)
  const atWork =
    busy.length === 0 ? '' : ` At work already, and not begun anew: ${busy.length}; try again when they have ended.`
  const missing = unknown.length === 0 ? '' : ` No job is kept (any more) for ${unknown.length}.`
  const message =
    alerts.length === 0
      ? 'There is no such alert, and so nothing to replay.'
      : `Replaying ${replayed.length} of ${alerts.length} alerts.`
  return { message: `${message}${atWork}${missing}`, replayed, busy, unknown }
}

/** `{edge?}`: writing goes on at the edge, or at every one that stopped as `edge-contested`. */
export async function resumeEdges(
  deps: { resume(edge: string | null, by: string): Promise<string[]>; status(): Promise<Status> },
  body: unknown,
  by: string,
): Promise<{ message: string; resumed: string[] }> {
  const { edge = null } = Object(body) as { edge?: unknown }
  if (edge !== null && typeof edge !== 'string') throw new OpsRefusal(400, 'edge must be the name of an edge.')
  const names = (await deps.status()).edges.map(({ name }) => name)
  if (edge !== null && !names.includes(edge))
    throw new OpsRefusal(404, `There is no such edge; there are: ${names.join(', ')}.`)
  const resumed = await deps.resume(edge, by)
  const message =
    resumed.length === 0 ? 'Nothing had stopped as edge-contested.' : `Writing goes on at ${resumed.join(', ')}.`
  return { message, resumed }
}
