import type { Standing } from '../core/standing.ts'
import type { Clock, Mark, Marked, Records, Siem } from '../ports.ts'
import { coalesce } from './coalesce.ts'
import { type Needs, standingsNow } from './held.ts'

export interface MarkRequest {
  readonly mark: Mark
  /** What must be held when the call is made; null: nothing. */
  readonly needs: Needs | null
}

/** `not-held`: what the alert's status would say is no longer so; nothing was sent. */
export type MarkResult = Marked | { readonly notHeld: Exclude<Standing, { kind: 'held' }> }

// Marks that arrive within a pause share one call; the first goes at once.
const PAUSES = { quietMs: 10, mostMs: 100, mostItems: 1000 }

/** Sets statuses and tags, many in one call, each checked against the ledger just before it. */
export function createMarks(deps: {
  readonly records: Records
  readonly siem: Siem
  readonly clock: Clock
  readonly events: { statusSet(e: { alerts: number; status: string | null; tag: string }): void }
}): (request: MarkRequest) => Promise<MarkResult> {
  const { records, siem, clock, events } = deps
  const together = coalesce(run, clock, PAUSES)

  async function run(requests: readonly MarkRequest[]): Promise<MarkResult[]> {
    const needs = requests.map((request) => request.needs)
    const standings = await standingsNow({ records, clock }, needs)
    const good = requests.filter((_, i) => standings[i]?.kind === 'held').map((r) => r.mark)
    const marked = good.length === 0 ? new Map<string, Marked>() : await siem.mark(good)
    for (const [key, alerts] of counted(good)) {
      const [status, tag] = key.split(' ') as [string, string]
      events.statusSet({ alerts, status: status === 'null' ? null : status, tag })
    }
    return requests.map(({ mark }, i) => {
      const standing = standings[i] as Standing
      return standing.kind === 'held' ? (marked.get(mark.id) ?? 'unknown') : { notHeld: standing }
    })
  }

  return (request) => together.ask(request)
}

function counted(marks: readonly Mark[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { status, tag } of marks) counts.set(`${status} ${tag}`, (counts.get(`${status} ${tag}`) ?? 0) + 1)
  return counts
}
