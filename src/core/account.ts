import { stillOwed, unpaid } from './debts.ts'
import type { Attempt, Base, Debt, EdgeState } from './edge-state.ts'
import { type Hand, type JudgedHand, judgeHand, NOTHING, type Whose, whoseAfter } from './judge-hand.ts'
import { inNewRuleset, landedAttempts, trimAttempts, unseenOf, type Versions } from './landed.ts'
import { asOwed, deleted, owedToOwn } from './meant.ts'
import { overwrittenBy, versionsNeeded } from './overwritten.ts'
import { findOwnRule, isAsWritten, isMadeByPortcullis, type OwnRule } from './own-rule.ts'
import { withoutPutRight } from './put-right.ts'
import { rememberHand } from './remember-hand.ts'
import { changedOtherwise, restOf } from './rest.ts'
import { changesBetween } from './rule-changes.ts'
import { keyOf, type Rule } from './rules.ts'
import { partsOf } from './spill.ts'
import { type Snapshot, stepBetween, trimTrail } from './trail.ts'

export interface Head {
  /** '' and 0 where there is no ruleset. */
  readonly rulesetId: string
  readonly version: number
  readonly rules: readonly Rule[]
}

interface Ours {
  /** What our rule is called. */
  readonly description: string
  readonly whose: Whose
}

export interface Account {
  /** Everything up to the head accounted for; as it was where our rule cannot be read. */
  readonly state: EdgeState
  readonly hands: readonly JudgedHand[]
  /** Our rule in the head. */
  readonly own: OwnRule
}

/**
 * Explains every version since the base: which are ours, what we overwrote, what a person meant (design §3.3, §3.4). `whose`
 * is what the ledger says of the terms.
 */
export function account(
  state: EdgeState,
  head: Head,
  known: Versions,
  { description, whose }: Ours,
  now: Date,
): Account {
  const own = findOwnRule(head.rules, { remembered: state.base?.rule ?? null, description })
  if (own.kind === 'problem') return { state, hands: [], own }
  if (state.base === null) return firstSight(state, head, own, now)

  const walk = startWalk(state, state.base, head, known, { description, whose }, now)
  for (let version = walk.seen + 1; version <= head.version; version++) {
    const rules = walk.versions.get(version)
    if (rules) stepTo(walk, version, rules)
  }
  return {
    own,
    hands: withoutPutRight(walk.hands, walk.attempts),
    state: {
      ...walk.state,
      base: baseOf(head, own, walk.rule === null ? null : { rule: walk.rule, index: walk.index }),
      attempts: trimAttempts(walk.attempts, now),
      debts: unpaid(walk.debts, head.rules, own.kind === 'present' ? own.rule : null),
      trail: trimTrail(walk.state.trail, now),
    },
  }
}

/** Contents to fetch before `account` can explain everything; ask again with them, until there are none. */
export function stillNeeded(state: EdgeState, head: Head, known: Versions): number[] {
  if (state.base === null || head.rulesetId === '') return []
  const { from, versions, attempts } = readingOf(state, state.base, head, known)
  return versionsNeeded(attempts, versions, from, head.version, state.debts.length > 0)
}

/** Beyond so many since the last look nobody's single edits are told apart. */
const MOST_VERSIONS = 1000

function readingOf(state: EdgeState, base: Base, head: Head, known: Versions) {
  const same = base.rulesetId === '' || base.rulesetId === head.rulesetId
  const since = head.version - base.version
  // A ruleset that was deleted and made anew counts from 1 again, and a number may have been none: only the head can be compared.
  const from = same && since >= 0 && since <= MOST_VERSIONS ? base.version : head.version - 1
  const versions = new Map(known).set(head.version, head.rules)
  const attempted = same && since >= 0 ? state.attempts : inNewRuleset(state.attempts)
  const own = base.rule === null ? null : keyOf(base.rule)
  const attempts = landedAttempts(attempted, versions, from, head.version, own)
  return { from, versions, attempts }
}

interface Walk {
  state: EdgeState
  readonly hands: JudgedHand[]
  readonly versions: Versions
  readonly attempts: readonly Attempt[]
  debts: readonly Debt[]
  /** The newest version that is accounted for, and our rule in it. */
  seen: number
  snapshot: Snapshot
  rule: Rule | null
  index: number
  /** Our rule as people last meant it to be, beside its terms; null: they had deleted it before all this. */
  meant: Rule | null
  rest: Base['rest']
  /** Whatever our rule was called on the way. */
  readonly keys: Set<string>
  readonly description: string
  whose: Whose
  readonly now: Date
}

function startWalk(state: EdgeState, base: Base, head: Head, known: Versions, ours: Ours, now: Date): Walk {
  const { from, versions, attempts } = readingOf(state, base, head, known)
  const snapshot = { terms: base.present ? base.terms : [], present: base.present }
  const keys = new Set(base.rule === null ? [] : [keyOf(base.rule)])
  const { rule, index, rest } = base
  return {
    ...{ state, hands: [], versions, attempts, debts: state.debts, seen: from },
    ...{ snapshot, rule, index, meant: asOwed(state.debts, rule), rest, keys, ...ours, now },
  }
}

function stepTo(walk: Walk, version: number, rules: readonly Rule[]): void {
  const own = findOwnRule(rules, { remembered: walk.rule, description: walk.description })
  if (own.kind === 'present') walk.keys.add(keyOf(own.rule))
  const landed = walk.attempts.find((a) => a.landed === version)
  const was = asOwed(walk.debts, walk.rule)
  walk.debts = landed === undefined ? owedAfter(walk, version, rules) : owedFor(walk, landed)
  if (own.kind === 'problem') return
  const it: Snapshot = own.kind === 'present' ? { terms: own.terms, present: true } : { terms: [], present: false }
  const rest = restOf(rules, own)
  const hand =
    landed === undefined ? judgeStep(walk, version, it, rest, was, own.kind === 'present' ? own.rule : null) : null
  if (landed !== undefined && own.kind === 'present') walk.debts = withOwn(walk, version, own.rule)
  const shown = new Set(it.terms)
  walk.state = {
    ...walk.state,
    awaited: walk.state.awaited.filter((term) => !shown.has(term)),
    trail: [...walk.state.trail, stepBetween(walk.snapshot, it, version, walk.now)],
  }
  if (own.kind === 'present') {
    walk.rule = own.rule
    walk.index = own.index
  } else if (walk.snapshot.present) {
    walk.rule = hand === null || isToComeBack(hand) ? was : null
    walk.debts = walk.debts.filter(({ change }) => change.kind !== 'own')
  }
  walk.meant = asOwed(walk.debts, walk.rule) ?? deleted(was) ?? walk.meant
  walk.seen = version
  walk.snapshot = it
  walk.rest = rest
}

/** What the person meant who wrote this version, written down. */
function judgeStep(
  walk: Walk,
  version: number,
  it: Snapshot,
  rest: Base['rest'],
  was: Rule | null,
  is: Rule | null,
): Hand {
  const { takenOut, awaited, contested, putBackAt, trail } = walk.state
  const otherwiseChanged = changedOtherwise(walk.rest, rest)
  const asWritten = is !== null && isAsWritten(is)
  const hand = judgeHand({
    before: walk.snapshot,
    it,
    otherwiseChanged,
    asWritten,
    whose: walk.whose,
    shared: walk.state.shared === true,
    wasDisabled: walk.snapshot.present && was?.enabled === false,
    partLost: is !== null && partsOf(is) < partsOf(was),
    unseen: unseenOf(walk.attempts, walk.seen, version),
    awaited: new Set([...awaited, ...(contested?.terms ?? [])]),
    ...{ trail, takenOut, putBackAt, contested, now: walk.now },
  })
  walk.whose = whoseAfter(walk.whose, hand)
  const inOurManner = asWritten && !otherwiseChanged
  walk.hands.push({ version, inOurManner, ...hand })
  walk.state = rememberHand(walk.state, hand, walk.now)
  if (inOurManner && hand.adopted.length > 0) walk.state = { ...walk.state, shared: true }
  return hand
}

/** Of a rule that is gone: whether it is to be put back under its name, by us or by whom we wait for. */
function isToComeBack(hand: Hand): boolean {
  return hand.accident.length + hand.stale.length > 0 || hand.contested !== null
}

/** The debts with those to our own rule, as a PUT of ours wrote it, in the place of any others to it. */
function withOwn({ debts, meant, state }: Walk, version: number, landed: Rule): readonly Debt[] {
  const changes = owedToOwn(landed, { meant, debts, ruleGone: state.contested?.ruleGone === true })
  const owed = changes.map((change, i) => ({ id: `${version}.own.${i}`, change }))
  return [...debts.filter(({ change }) => change.kind !== 'own'), ...owed]
}

function owedFor(walk: Walk, landed: Attempt): readonly Debt[] {
  const left = walk.debts.filter((d) => !landed.pays.includes(d.id))
  for (let version = landed.read; version < (landed.landed ?? 0); version++) addKey(walk, version)
  return [...left, ...overwrittenBy(landed, walk.attempts, walk.versions, walk.keys)]
}

/** A person may have made our rule anew in a version that was overwritten. */
function addKey({ keys, versions, rule, description }: Walk, version: number): void {
  const own = findOwnRule(versions.get(version) ?? [], { remembered: rule, description })
  if (own.kind === 'present') keys.add(keyOf(own.rule))
}

function owedAfter(walk: Walk, version: number, rules: readonly Rule[]): readonly Debt[] {
  const before = walk.versions.get(version - 1)
  return before && walk.debts.length > 0 ? stillOwed(walk.debts, changesBetween(before, rules, walk.keys)) : walk.debts
}

/** An edge never seen before: whatever stands in our rule is a person's. */
function firstSight(state: EdgeState, head: Head, own: Account['own'], now: Date): Account {
  const base = baseOf(head, own, null)
  const seen = stepBetween({ terms: [], present: false }, base, head.version, now)
  // One with a store of its own made it, or we did, with a store that is lost.
  const shared = own.kind === 'present' && isMadeByPortcullis(own.rule) && isAsWritten(own.rule)
  const known = { base, trail: base.present ? [seen] : [], ...(shared ? { shared } : {}) }
  const hand = { ...NOTHING, version: head.version, inOurManner: false, adopted: base.terms }
  return { state: { ...state, ...known }, hands: [hand], own }
}

function baseOf(head: Head, own: OwnRule, last: { readonly rule: Rule; readonly index: number } | null): Base {
  const { rulesetId, version, rules } = head
  const rest = restOf(rules, own)
  if (own.kind === 'present') {
    return { rulesetId, version, rule: own.rule, index: own.index, present: true, terms: own.terms, rest }
  }
  return { rulesetId, version, rule: last?.rule ?? null, index: last?.index ?? 0, present: false, terms: [], rest }
}
