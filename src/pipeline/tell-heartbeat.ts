import type { Clock } from '../ports.ts'
import { after } from './tell-events.ts'

const EVERY_MS = 60_000

export interface Heartbeat {
  /** A pass over an edge ended; `result` is `ok`, or what keeps the edge from holding. */
  passed(edge: string, result: string): void
  stop(): void
}

/**
 * Pings while all is well: the newest pass over every edge was good. At most once a minute; a good pass within the minute
 * pings when it is over, unless things went wrong meanwhile.
 */
export function createHeartbeat(deps: {
  readonly ping: () => Promise<void>
  readonly clock: Clock
  /** Once for each time that pings begin to fail. */
  readonly onFailure: (error: unknown) => void
}): Heartbeat {
  const { clock } = deps
  const bad = new Set<string>()
  const stopped = new AbortController()
  let last = Number.NEGATIVE_INFINITY
  let isWaiting = false
  let isFailing = false

  async function beat(): Promise<void> {
    isWaiting = true
    await clock.sleep(last + EVERY_MS - clock.now().getTime(), stopped.signal).catch(() => undefined)
    isWaiting = false
    if (stopped.signal.aborted || bad.size > 0) return
    last = clock.now().getTime()
    try {
      await deps.ping()
      isFailing = false
    } catch (error) {
      if (!isFailing) deps.onFailure(error)
      isFailing = true
    }
  }

  return {
    passed(edge, result) {
      if (result === 'ok') bad.delete(edge)
      else bad.add(edge)
      if (bad.size === 0 && !isWaiting && !stopped.signal.aborted) void beat()
    },
    stop: () => stopped.abort(),
  }
}

/** The same events; each pass is also told to the heartbeat. */
export function beatingEvents<E extends object>(
  events: E & { pass(e: { readonly edge: string; readonly result: string }): void },
  heartbeat: Heartbeat,
): E {
  return after(events, {
    pass: (seen) => {
      const { edge, result } = seen as { edge: string; result: string }
      heartbeat.passed(edge, result)
    },
  })
}
