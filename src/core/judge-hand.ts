import { addressSet } from './address-set.ts'
import type { Contest, TrailStep } from './edge-state.ts'
import { ancestorOf, type Snapshot } from './trail.ts'

/** One version that we did not write, as it bears on our rule. */
export interface HandFacts {
  readonly before: Snapshot
  readonly it: Snapshot
  /** Another rule, a clause or a field of our rule changed in the same version. */
  readonly otherwiseChanged: boolean
  /** Whether our rule was switched off before. */
  readonly wasDisabled: boolean
  readonly trail: readonly TrailStep[]
  /** What attempts that nobody has seen land were adding and removing: never taken for a hand. */
  readonly unseen: { readonly adding: ReadonlySet<string>; readonly removing: ReadonlySet<string> }
  /** Terms of ours that an accident, a stale copy or a contest took out and nobody has put back yet. */
  readonly awaited: ReadonlySet<string>
  readonly takenOut: Readonly<Record<string, string>>
  readonly putBackAt: string | null
  readonly contested: Contest | null
  readonly now: Date
}

/** What a person meant. */
export interface Hand {
  readonly adopted: readonly string[]
  readonly released: readonly string[]
  /** Missing because an old copy was saved over us: to be put back. */
  readonly stale: readonly string[]
  /** Missing by accident: to be put back, once. */
  readonly accident: readonly string[]
  readonly contested: Contest | null
  /** The rule itself was deleted in this version. */
  readonly gone: boolean
}

const DAY_MS = 24 * 3600_000
const HOUR_MS = 3600_000
/** Fewer lost terms than this are always a person's wish. */
const ACCIDENT_TERMS = 5

export function judgeHand(facts: HandFacts): Hand {
  const { before, it, unseen } = facts
  const missing = notCovered(before.terms, it.terms).filter((t) => !unseen.removing.has(t))
  const fresh = newIn(it.terms, before.terms, missing).filter((t) => !unseen.adding.has(t))
  // Who restores a term of ours that went missing has not made an entry of his own.
  const own = (term: string) => !facts.awaited.has(term)
  const gone = before.present && !it.present
  const contested = stillContested(facts)
  const nothing = { adopted: [], released: [], stale: [], accident: [], contested, gone }

  if (gone && facts.wasDisabled) return { ...nothing, contested: contestOver(facts, missing) }
  if (missing.length === 0) {
    if (gone && recently(facts.putBackAt, DAY_MS, facts.now))
      return { ...nothing, contested: contestOver(facts, missing) }
    return { ...nothing, adopted: fresh.filter(own) }
  }
  const mixed = facts.otherwiseChanged || fresh.length > 0
  const ancestor = mixed ? ancestorOf(it, before, facts.trail) : before
  const lost = notCovered(ancestor.terms, it.terms).filter((t) => missing.includes(t))
  const adopted = newIn(it.terms, ancestor.terms, lost).filter((t) => fresh.includes(t) && own(t))
  const stale = missing.filter((t) => !lost.includes(t))
  const again = stale.filter((t) => recently(facts.takenOut[t] ?? null, HOUR_MS, facts.now))

  if (isAccident(lost, before, gone)) {
    if (recently(facts.putBackAt, DAY_MS, facts.now))
      return { ...nothing, adopted, contested: contestOver(facts, lost) }
    return { ...nothing, adopted, stale, accident: lost }
  }
  if (gone && stale.length > 0 && recently(facts.putBackAt, DAY_MS, facts.now)) {
    return { ...nothing, contested: contestOver(facts, missing) }
  }
  return { ...nothing, adopted, released: [...lost, ...again], stale: stale.filter((t) => !again.includes(t)) }
}

/** At least five terms gone in one version, and they are more than half of them or the rule itself is gone. */
function isAccident(lost: readonly string[], before: Snapshot, gone: boolean): boolean {
  return lost.length >= ACCIDENT_TERMS && (gone || lost.length > before.terms.length / 2)
}

function contestOver(facts: HandFacts, terms: readonly string[]): Contest {
  return { at: facts.now.toISOString(), ruleGone: !facts.it.present, terms }
}

/** A contest is over when the deleted rule is back, or most of the terms that were taken out. */
function stillContested({ contested, it }: HandFacts): Contest | null {
  if (contested === null) return null
  if (contested.ruleGone) return it.present ? null : contested
  return notCovered(contested.terms, it.terms).length < contested.terms.length / 2 ? null : contested
}

function notCovered(terms: readonly string[], by: readonly string[]): string[] {
  const set = addressSet(by)
  return terms.filter((term) => !set.covers(term))
}

function newIn(terms: readonly string[], before: readonly string[], lost: readonly string[]): string[] {
  const gone = new Set(lost)
  return notCovered(
    terms,
    before.filter((t) => !gone.has(t)),
  )
}

function recently(at: string | null, within: number, now: Date): boolean {
  return at !== null && now.getTime() - Date.parse(at) < within
}
