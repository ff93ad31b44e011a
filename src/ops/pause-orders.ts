import type { Pause } from '../pipeline/pause.ts'
import { type ByHandDeps, endFrom, readDuration, readReason } from './by-hand.ts'
import { historyOf } from './history.ts'

/** `{duration?, reason?}`: no new bans by alerts, until then or until somebody resumes. */
export async function pause(deps: ByHandDeps, body: unknown, by: string): Promise<Pause> {
  const { duration, reason } = Object(body) as Record<string, unknown>
  const at = deps.now()
  const until = endFrom(at, readDuration('duration', duration) ?? null)
  const paused: Pause = { by, at: at.toISOString(), until, reason: readReason(reason, '') }
  const detail = [until === null ? 'until resumed' : `until ${until}`, paused.reason].filter((part) => part !== '')
  const entry = { kind: 'paused', addresses: [], by, detail: detail.join(': ') }
  await deps.pausing.begin(paused, [historyOf(entry, at, deps.historyForMs)])
  deps.events.paused({ by, until })
  return paused
}

/** True: there was a pause, and it is over. */
export async function endPause(deps: ByHandDeps, by: string): Promise<boolean> {
  const entry = { kind: 'resumed', addresses: [], by, detail: 'the pause' }
  const ended = await deps.pausing.end([historyOf(entry, deps.now(), deps.historyForMs)])
  if (ended) deps.events.ordered({ kind: 'resumed', addresses: [], by, reason: 'the pause' })
  return ended
}
