import type { Clock } from '../ports.ts'

/** Which parts do not work with us, from last known state. */
export interface Health {
  /** `part`: `cloudflare`, `elastic`, `host:<name>`, `edge:<name>`, … */
  refused(part: string, reason: string): void
  /** A failure that is no refusal: no answer, a 5xx. It counts once this has gone on for a minute without a success between. */
  failed(part: string, reason: string): void
  works(part: string): void
  /** An outage is over, if there was one; a refusal stands. */
  answers(part: string): void
  /** A question was answered. That ends a refusal; an outage only where nothing has failed for two minutes, for it may be one of writes. */
  probed(part: string): void
  degraded(): { part: string; reason: string }[]
}

// A minute, less what two looks of every minute may lie closer together.
const OUTAGE_MS = 50_000
// What fails is tried again after a minute at the latest, and may take half a minute to fail.
const QUIET_MS = 2 * 60_000

export function createHealth(deps: {
  readonly clock: Pick<Clock, 'now'>
  readonly events: {
    degraded(e: { part: string; reason: string }): void
    recovered(e: { part: string }): void
  }
  /** What waited for this part is to be tried again. */
  readonly onRecovered: (part: string) => void
}): Health {
  const parts = new Map<string, string>()
  /** Parts that fail, whether or not that counts yet, with the first and the last time, ms. */
  const failing = new Map<string, { readonly since: number; readonly last: number }>()
  const outages = new Set<string>()

  function name(part: string, reason: string): void {
    if (parts.get(part) === reason) return
    parts.set(part, reason)
    deps.events.degraded({ part, reason })
  }

  function works(part: string): void {
    failing.delete(part)
    outages.delete(part)
    if (!parts.delete(part)) return
    deps.events.recovered({ part })
    deps.onRecovered(part)
  }

  return {
    refused(part, reason) {
      failing.delete(part)
      outages.delete(part)
      name(part, reason)
    },
    failed(part, reason) {
      const last = deps.clock.now().getTime()
      const since = failing.get(part)?.since ?? last
      failing.set(part, { since, last })
      // The first reason stays: in an outage they alternate, and each change is a line in the log.
      if (last - since < OUTAGE_MS || outages.has(part)) return
      outages.add(part)
      name(part, reason)
    },
    works,
    answers(part) {
      failing.delete(part)
      if (outages.has(part)) works(part)
    },
    probed(part) {
      const last = failing.get(part)?.last ?? Number.NEGATIVE_INFINITY
      if (!outages.has(part) || deps.clock.now().getTime() - last >= QUIET_MS) works(part)
    },
    degraded: () => [...parts].map(([part, reason]) => ({ part, reason })),
  }
}
