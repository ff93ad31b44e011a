import type { TrailStep } from './edge-state.ts'

/** Terms of our rule at one version, and whether the rule was there. */
export interface Snapshot {
  readonly terms: readonly string[]
  readonly present: boolean
}

const KEPT_MS = 24 * 3600_000
const KEPT_STEPS = 50

/**
 * The kept version nearest to `it` by terms, the newest of equals: what a person had before him who saved `it`. One without our
 * rule is nobody's ancestor who has it, and the other way round, unless there is no better.
 * `now` is the newest kept version, `trail` leads from it into the past.
 */
export function ancestorOf(it: Snapshot, now: Snapshot, trail: readonly TrailStep[]): Snapshot {
  const target = new Set(it.terms)
  let best = now
  let nearest = now.present === it.present ? distance(new Set(now.terms), target) : Number.POSITIVE_INFINITY
  for (const candidate of backwards(now, trail)) {
    if (candidate.present !== it.present) continue
    const far = distance(new Set(candidate.terms), target)
    if (far < nearest) {
      best = candidate
      nearest = far
    }
  }
  return best
}

export function stepBetween(before: Snapshot, after: Snapshot, version: number, at: Date): TrailStep {
  const old = new Set(before.terms)
  const now = new Set(after.terms)
  return {
    version,
    at: at.toISOString(),
    gained: after.terms.filter((t) => !old.has(t)),
    lost: before.terms.filter((t) => !now.has(t)),
    present: after.present,
  }
}

export function trimTrail(trail: readonly TrailStep[], now: Date): TrailStep[] {
  const oldest = new Date(now.getTime() - KEPT_MS).toISOString()
  return trail.filter((step) => step.at >= oldest).slice(-KEPT_STEPS)
}

function* backwards(now: Snapshot, trail: readonly TrailStep[]): Generator<Snapshot> {
  const terms = new Set(now.terms)
  for (let i = trail.length - 1; i >= 0; i--) {
    const step = trail[i] as TrailStep
    for (const term of step.gained) terms.delete(term)
    for (const term of step.lost) terms.add(term)
    yield { terms: [...terms], present: trail[i - 1]?.present ?? terms.size > 0 }
  }
}

function distance(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  let differ = 0
  for (const term of a) if (!b.has(term)) differ++
  for (const term of b) if (!a.has(term)) differ++
  return differ
}
