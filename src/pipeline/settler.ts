import { messageOf, PermanentError } from '../errors.ts'
import type { Clock } from '../ports.ts'
import { coalesce } from './coalesce.ts'
import type { PassReport } from './pass-types.ts'

/** Asks for passes. One at a time and edge, shared by all who ask meanwhile. */
export interface Settler {
  readonly edges: readonly string[]
  /** One pass begun after this call over each of the edges (null: all); rejects with the first failure once all have ended, a PermanentError for a name that is no edge's. */
  settle(edges: readonly string[] | null): Promise<PassReport[]>
  /** The newest result of each edge, as this instance saw it. */
  last(): ReadonlyMap<string, LastPass>
  idle(): Promise<void>
}

export interface LastPass {
  readonly at: Date
  readonly report: PassReport | null
  /** Why the pass failed; null: it did not. */
  readonly error: string | null
}

// The first pass starts at once; a following one when arrivals have paused for 20 ms, or after 150 ms.
const PAUSES = { quietMs: 20, mostMs: 150, mostItems: Number.POSITIVE_INFINITY }
// An edge that collides with somebody else's writes all the time is tried again after 1, 2, … at most 60 s.
const BUSY_FIRST_MS = 1_000
const BUSY_MOST_MS = 60_000

export function createSettler(deps: {
  readonly passes: ReadonlyMap<string, () => Promise<PassReport>>
  /** The edge that is settled before the others where both are asked for: what it holds, they count as held. */
  readonly first?: string | undefined
  readonly clock: Clock
  /** After every pass: wakes jobs, reopens alerts. Must not throw. */
  readonly afterPass: (report: PassReport) => void
  readonly onFailure: (edge: string, error: unknown) => void
}): Settler {
  const last = new Map<string, LastPass>()
  const busy = new Map<string, number>()
  const lines = new Map(
    [...deps.passes].map(([edge, pass]) => [
      edge,
      coalesce((asked: readonly null[]) => run(edge, pass).then((r) => asked.map(() => r)), deps.clock, PAUSES),
    ]),
  )

  async function run(edge: string, pass: () => Promise<PassReport>): Promise<PassReport> {
    const at = deps.clock.now()
    try {
      const report = await pass()
      last.set(edge, { at, report, error: null })
      deps.afterPass(report)
      if (report.state === 'edge-busy') repeatLater(edge)
      else busy.delete(edge)
      if (report.gone.length > 0) askOthers(edge)
      return report
    } catch (error) {
      last.set(edge, { at, report: last.get(edge)?.report ?? null, error: messageOf(error) })
      deps.onFailure(edge, error)
      // What is wrong with a write to the edge is no fault of the alerts that wait for it: they are tried again.
      throw error instanceof PermanentError ? new Error(error.message, { cause: error }) : error
    }
  }

  function repeatLater(edge: string): void {
    const ms = Math.min(busy.get(edge) ?? BUSY_FIRST_MS, BUSY_MOST_MS)
    busy.set(edge, ms * 2)
    void deps.clock.sleep(ms).then(() =>
      lines
        .get(edge)
        ?.ask(null)
        .then((report) => {
          if (edge === deps.first && report.changed.length > 0) askOthers(edge)
        })
        .catch(() => undefined),
    )
  }

  /** What is gone from the ledger is to go from the other edges too. */
  function askOthers(edge: string): void {
    for (const [other, line] of lines) if (other !== edge) line.ask(null).catch(() => undefined)
  }

  return {
    edges: [...deps.passes.keys()],
    async settle(edges) {
      const unknown = edges?.filter((edge) => !lines.has(edge)) ?? []
      if (unknown.length > 0)
        throw new PermanentError(`CLOUDFLARE_ZONE_ID names no zone ${unknown.join(', ')}; mend it, then replay`)
      const asked = [...lines].filter(([edge]) => edges === null || edges.includes(edge))
      const before = asked.filter(([edge]) => edge === deps.first)
      const after = asked.filter(([edge]) => edge !== deps.first)
      const results: PromiseSettledResult<PassReport>[] = []
      for (const some of [before, after])
        results.push(...(await Promise.allSettled(some.map(([, line]) => line.ask(null)))))
      return results.map((result) => {
        if (result.status === 'rejected') throw result.reason
        return result.value
      })
    },
    last: () => last,
    async idle() {
      await Promise.all([...lines.values()].map((line) => line.idle()))
    },
  }
}
