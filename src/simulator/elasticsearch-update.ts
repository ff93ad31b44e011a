import { STATUS, type StoredAlert, TAGS } from './elasticsearch-alerts.ts'
import { type ElasticState, failure, findAlerts } from './elasticsearch-search.ts'
import type { Answer } from './world-server.ts'

/**
 * `_update_by_query`. The script is not run: what it means is known by its parameters, `{ status, tag, now }`, or `{ tag }` where the
 * status is to stay.
 */
export function updateByQuery(
  state: ElasticState,
  spaces: readonly string[],
  body: Record<string, unknown>,
  query: URLSearchParams,
): Answer {
  const script = body.script as { lang?: unknown; source?: unknown; params?: unknown } | undefined
  if (!script || typeof script.source !== 'string' || script.source.trim() === '')
    return failure(400, 'illegal_argument_exception', 'a script with a source is expected')
  const { status = null, tag, now = '' } = (script.params ?? {}) as { status?: string; tag?: unknown; now?: string }
  if (typeof tag !== 'string' || (status !== null && now === ''))
    return failure(400, 'script_exception', 'the simulator knows scripts with the parameters status, tag and now only')
  const proceed = (body.conflicts ?? query.get('conflicts')) === 'proceed'
  return runUpdate(state, findAlerts(state, spaces, body.query), proceed, (alert) =>
    applyMark(state, alert, { status, tag }, now),
  )
}

interface MarkParams {
  readonly status: string | null
  readonly tag: string
}

/** Carries out an update alert by alert, with the conflicts that were switched on; `change` answers false for a noop. */
export function runUpdate(
  state: ElasticState,
  found: readonly StoredAlert[],
  proceed: boolean,
  change: (alert: StoredAlert) => boolean,
): Answer {
  const failures: unknown[] = []
  let [updated, noops, conflicts] = [0, 0, 0]
  for (const alert of found) {
    const left = state.conflicts.get(alert.id) ?? 0
    if (left > 0) {
      state.conflicts.set(alert.id, left - 1)
      conflicts += 1
      if (proceed) continue
      const reason = `[${alert.id}]: version conflict, required seqNo [${alert.version}], primary term [1].`
      const cause = { type: 'version_conflict_engine_exception', reason, index: alert.index }
      failures.push({ index: alert.index, id: alert.id, cause, status: 409 })
      break
    }
    if (change(alert)) updated += 1
    else noops += 1
  }
  const answer = {
    took: 3,
    timed_out: false,
    total: found.length,
    updated,
    deleted: 0,
    batches: 1,
    version_conflicts: conflicts,
    noops,
    retries: { bulk: 0, search: 0 },
    throttled_millis: 0,
    requests_per_second: -1,
    throttled_until_millis: 0,
    failures,
  }
  return { status: failures.length > 0 ? 409 : 200, body: answer }
}

function applyMark(state: ElasticState, alert: StoredAlert, mark: MarkParams, now: string): boolean {
  const status = alert.source[STATUS]
  const tags = (alert.source[TAGS] ?? []) as string[]
  const ours = tags.some((tag) => tag.startsWith('portcullis:'))
  const asked = mark.status ?? status
  const moves = mark.status === 'open' ? status === 'acknowledged' && ours : status === 'open'
  const change = status !== asked && moves
  const tagged = change || mark.status === null || (status === asked && (status === 'open' || ours))
  const wanted = [...tags.filter((tag) => !tag.startsWith('portcullis:')), `portcullis:${mark.tag}`]
  if (!tagged || (!change && String(wanted) === String(tags))) return false
  state.alerts.update(alert.id, 'elasticsearch', (source) => {
    source[TAGS] = wanted
    if (!change) return
    source[STATUS] = mark.status
    source['kibana.alert.workflow_status_updated_at'] = now
    const signal = source.signal as { status?: unknown } | undefined
    if (signal?.status !== undefined) signal.status = mark.status
  })
  return true
}
