import { type Ban, isWantedOn } from '../core/ban.ts'
import type { EdgeState } from '../core/edge-state.ts'
import type { Pause } from '../pipeline/pause.ts'

/** What `/api/status` answers. Times are ISO 8601. */
export interface Status {
  readonly version: string
  readonly mode: 'enforce' | 'observe'
  /** `embedded`, `redis` or `postgres`. */
  readonly store: string
  readonly startedAt: string
  readonly uptimeSeconds: number
  readonly edges: readonly EdgeStatus[]
  /** Jobs by state: waiting, active, delayed, completed, failed. */
  readonly queue: Readonly<Record<string, number>>
  /** Parts that do not work with us. */
  readonly degraded: readonly { readonly part: string; readonly reason: string }[]
  readonly playbooks: readonly PlaybookStatus[]
  /** null: it is not paused. */
  readonly paused: Pause | null
}

export interface PlaybookStatus {
  readonly file: string
  readonly name: string
  readonly mode: 'enforce' | 'observe'
  readonly enabled: boolean
}

export interface EdgeStatus {
  readonly name: string
  /** `ok`, an `edge-…` state, `failing` when the last pass failed, or `unknown` before the first. */
  readonly state: string
  readonly detail: string
  /** Version of the ruleset that is accounted for; null before the first pass, and for a list, which has none. */
  readonly version: number | null
  readonly held: number
  /** Bans that are wanted and not held, by reason. */
  readonly waiting: Readonly<Record<string, number>>
  /** Characters of the rule's expression, or items of the list; null before the first pass. */
  readonly room: { readonly used: number; readonly limit: number } | null
  /** When the last pass that came to an end began; null: there was none. */
  readonly lastPass: string | null
  /** Why the newest pass failed; null: it did not. */
  readonly error: string | null
  /** What enforcing would take over from the rule as people's entries; only while observing a rule never written. */
  readonly wouldAdopt?: readonly string[]
}

export interface StatusFacts {
  readonly version: string
  readonly mode: 'enforce' | 'observe'
  readonly store: string
  readonly startedAt: Date
  readonly now: Date
  /** Names of the edges, in the order of the configuration. */
  readonly edges: readonly string[]
  /** The records of the collection `edges`, by name. */
  readonly states: ReadonlyMap<string, EdgeState>
  readonly bans: readonly Ban[]
  readonly queue: Readonly<Record<string, number>>
  /** The newest result of each edge, as this instance saw it. */
  readonly lastPasses: ReadonlyMap<string, { readonly at: Date; readonly error: string | null }>
  readonly degraded: readonly { readonly part: string; readonly reason: string }[]
  readonly playbooks: readonly PlaybookStatus[]
  readonly wouldAdopt?: ReadonlyMap<string, readonly string[]>
  readonly paused?: Pause | null
}

export function buildStatus(facts: StatusFacts): Status {
  const { version, mode, store, startedAt, now, queue, degraded, playbooks } = facts
  return {
    version,
    mode,
    store,
    startedAt: startedAt.toISOString(),
    uptimeSeconds: Math.max(0, Math.floor((now.getTime() - startedAt.getTime()) / 1000)),
    edges: facts.edges.map((edge) => edgeStatus(edge, facts)),
    queue,
    degraded: degraded.map(({ part, reason }) => ({ part, reason })),
    playbooks: playbooks.map(({ file, name, mode, enabled }) => ({ file, name, mode, enabled })),
    paused: facts.paused ?? null,
  }
}

function edgeStatus(name: string, facts: StatusFacts): EdgeStatus {
  const known = facts.states.get(name)
  const mark = known?.lastPass ?? null
  const error = facts.lastPasses.get(name)?.error ?? null
  const adopt = facts.wouldAdopt?.get(name)
  return {
    name,
    state: error === null ? (mark?.state ?? 'unknown') : 'failing',
    detail: error ?? mark?.detail ?? '',
    version: known?.base?.version ?? null,
    ...holdings(name, facts),
    room: mark === null ? null : { used: mark.used, limit: mark.limit },
    lastPass: mark?.at ?? null,
    error,
    ...(adopt === undefined || adopt.length === 0 ? {} : { wouldAdopt: adopt }),
  }
}

function holdings(edge: string, { bans, now }: StatusFacts): Pick<EdgeStatus, 'held' | 'waiting'> {
  let held = 0
  const waiting: Record<string, number> = {}
  for (const ban of bans) {
    if (!isWantedOn(ban, edge, now)) continue
    const holding = ban.edges[edge]
    if (holding?.held) held += 1
    else {
      const why = holding?.why || 'not-settled'
      waiting[why] = (waiting[why] ?? 0) + 1
    }
  }
  return { held, waiting }
}
