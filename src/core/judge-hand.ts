import { addressSet } from './address-set.ts'
import type { Contest, TrailStep } from './edge-state.ts'
import { ancestorOf, type Snapshot } from './trail.ts'

/** One version that we did not write, as it bears on our rule. */
export interface HandFacts {
  readonly before: Snapshot
  readonly it: Snapshot
  /** Another rule, a clause or a field of our rule changed in the same version. */
  readonly otherwiseChanged: boolean
  /** The text of our rule is to the letter what a Portcullis writes. */
  readonly asWritten: boolean
  readonly whose: Whose
  /** Another Portcullis is known to write our rule. */
  readonly shared: boolean
  /** Whether our rule was switched off before. */
  readonly wasDisabled: boolean
  /** Whether one of several rules of ours was deleted. */
  readonly partLost: boolean
  readonly trail: readonly TrailStep[]
  /** What attempts that may have landed between the two were adding and removing: never taken for a hand. */
  readonly unseen: { readonly adding: ReadonlySet<string>; readonly removing: ReadonlySet<string> }
  /** Terms of ours that an accident, a stale copy or a contest took out and nobody has put back yet. */
  readonly awaited: ReadonlySet<string>
  readonly takenOut: Readonly<Record<string, string>>
  readonly putBackAt: string | null
  readonly contested: Contest | null
  readonly now: Date
}

/** Terms that we ban for reasons of our own, and those that others entered in the rule; some are both. */
export interface Whose {
  readonly ours: ReadonlySet<string>
  readonly theirs: ReadonlySet<string>
}

/** What a person meant. */
export interface Hand {
  readonly adopted: readonly string[]
  /** Terms that we had lost, back again: a person's entry only where no ban of ours stands any more. */
  readonly restored: readonly string[]
  readonly released: readonly string[]
  /** Missing because an old copy was saved over us: to be put back. */
  readonly stale: readonly string[]
  /** Missing by accident: to be put back, once. */
  readonly accident: readonly string[]
  /**
   * Entries of others that are not put back: who put them back would have them for good, where another Portcullis ended its bans, for
   * that would take them for a person's. What we ban ourselves stays banned.
   */
  readonly withdrawn: readonly string[]
  readonly contested: Contest | null
  /** The rule itself was deleted in this version. */
  readonly gone: boolean
}

/** What one version that we did not write means for the bans, and whether another Portcullis may have written it. */
export interface JudgedHand extends Hand {
  readonly version: number
  /** Nothing but terms changed, and the text is to the letter what a Portcullis writes. */
  readonly inOurManner: boolean
}

const DAY_MS = 24 * 3600_000
const HOUR_MS = 3600_000
/** Fewer lost terms than this are always a person's wish. */
const ACCIDENT_TERMS = 5

export function judgeHand(facts: HandFacts): Hand {
  const { before, it, unseen, now } = facts
  const missing = notCovered(before.terms, it.terms).filter((t) => !unseen.removing.has(t))
  const fresh = newIn(it.terms, before.terms, missing).filter((t) => !unseen.adding.has(t))
  const gone = before.present && !it.present
  const putBackLately = recently(facts.putBackAt, DAY_MS, now)
  const contested = stillContested(facts, fresh)

  if (gone && (facts.wasDisabled || putBackLately)) return { ...NOTHING, contested: contestOver(facts, missing), gone }
  const wiped = isAccident(missing, before, gone || facts.partLost)
  const anothers = isPerhapsAnothers(facts, missing) && (facts.shared || !wiped)
  const ancestor = anothers ? before : ancestorIn(facts, missing, fresh)
  const lost = notCovered(ancestor.terms, it.terms).filter((t) => missing.includes(t))
  const entries = newIn(it.terms, ancestor.terms, lost).filter((t) => fresh.includes(t))
  const hand = {
    ...{ ...NOTHING, contested, gone },
    adopted: entries.filter((t) => !facts.awaited.has(t)),
    restored: entries.filter((t) => facts.awaited.has(t)),
  }
  const accident = isAccident(lost, before, gone || facts.partLost)
  if (anothers && (accident || fresh.length > 0)) return { ...hand, ...withdrawn(facts, missing) }
  const stale = missing.filter((t) => !lost.includes(t))
  if (accident) {
    return putBackLately ? { ...hand, contested: contestOver(facts, lost) } : { ...hand, stale, accident: lost }
  }
  const again = takenOutAgain(facts, stale)
  return { ...hand, released: [...lost, ...again], stale: stale.filter((t) => !again.includes(t)) }
}

/** A version that meant nothing for our terms. */
export const NOTHING = {
  adopted: [],
  restored: [],
  released: [],
  stale: [],
  accident: [],
  withdrawn: [],
  contested: null,
  gone: false,
}

/**
 * Whether another Portcullis, with a store of its own, may have written this: nothing but terms changed, the text is to the letter what
 * we write, and nothing is missing that only we brought, for that it takes for a person's.
 */
function isPerhapsAnothers({ asWritten, otherwiseChanged, whose }: HandFacts, missing: readonly string[]): boolean {
  return asWritten && !otherwiseChanged && missing.every((t) => whose.theirs.has(t) || !whose.ours.has(t))
}

function withdrawn(facts: HandFacts, missing: readonly string[]): Pick<Hand, 'withdrawn' | 'stale' | 'released'> {
  const ours = missing.filter((t) => facts.whose.ours.has(t))
  const released = takenOutAgain(facts, ours)
  return {
    released,
    stale: ours.filter((t) => !released.includes(t)),
    withdrawn: missing.filter((t) => !released.includes(t)),
  }
}

function takenOutAgain({ takenOut, now }: HandFacts, terms: readonly string[]): string[] {
  return terms.filter((t) => recently(takenOut[t] ?? null, HOUR_MS, now))
}

/** What the person had before him: the newest version, unless he did more than one thing and an older one is nearer. */
function ancestorIn(facts: HandFacts, missing: readonly string[], fresh: readonly string[]): Snapshot {
  const { before, it, trail } = facts
  if (!facts.otherwiseChanged && fresh.length === 0) return before
  const nearest = ancestorOf(it, before, trail)
  // Who only adds terms means them, also those that an old version had; nobody saves an old copy and changes nothing.
  const onlyAdds = !facts.otherwiseChanged && missing.length === 0
  const isWhole = notCovered(it.terms, nearest.terms).length === 0
  // The old copy would lack what has come since.
  const isLater = notCovered(before.terms, nearest.terms).length > 0
  return onlyAdds && (isWhole || isLater) ? before : nearest
}

/** At least five terms gone in one version, and they are more than half of them or the rule itself is gone. */
function isAccident(lost: readonly string[], before: Snapshot, gone: boolean): boolean {
  return lost.length >= ACCIDENT_TERMS && (gone || lost.length > before.terms.length / 2)
}

function contestOver(facts: HandFacts, terms: readonly string[]): Contest {
  const all = [...new Set([...(facts.contested?.terms ?? []), ...terms])]
  return { at: facts.now.toISOString(), ruleGone: !facts.it.present, terms: all }
}

/** A contest is over when somebody brings the deleted rule back, or most of the terms that were taken out. */
function stillContested({ contested, before, it }: HandFacts, fresh: readonly string[]): Contest | null {
  if (contested === null) return null
  if (contested.ruleGone) return it.present && !before.present ? null : contested
  const isBack = notCovered(contested.terms, it.terms).length < contested.terms.length / 2
  return isBack && fresh.some((t) => contested.terms.includes(t)) ? null : contested
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

/** The same once this hand is applied to the ledger. */
export function whoseAfter({ ours, theirs }: Whose, { adopted, restored, released, withdrawn }: Hand): Whose {
  const gone = new Set([...released, ...withdrawn])
  const mine = new Set([...ours].filter((term) => !released.includes(term)))
  const entered = [...adopted, ...restored.filter((term) => !mine.has(term))]
  return { ours: mine, theirs: new Set([...[...theirs].filter((term) => !gone.has(term)), ...entered]) }
}
