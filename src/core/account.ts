import type { Attempt, Base, EdgeState, Rest } from './edge-state.ts'
import { type Hand, judgeHand } from './judge-hand.ts'
import { landedAttempts, trimAttempts, unseenOf, type Versions } from './landed.ts'
import { overwrittenBy, versionsNeeded } from './overwritten.ts'
import { findOwnRule, type OwnRule } from './own-rule.ts'
import { digestOf, keyOf, type Rule } from './rules.ts'
import { type Snapshot, stepBetween, trimTrail } from './trail.ts'

export interface Head {
  /** '' and 0 where there is no ruleset. */
  readonly rulesetId: string
  readonly version: number
  readonly rules: readonly Rule[]
}

/** What one version that we did not write means for the bans. */
export interface JudgedHand extends Hand {
  readonly version: number
}

export interface Account {
  /** Everything up to the head accounted for; as it was where our rule cannot be read. */
  readonly state: EdgeState
  readonly hands: readonly JudgedHand[]
  /** Our rule in the head. */
  readonly own: OwnRule
}

/** Explains every version since the base: which are ours, what we overwrote, what a person meant (design §3.3, §3.4). */
export function account(state: EdgeState, head: Head, known: Versions, description: string, now: Date): Account {
  const own = findOwnRule(head.rules, { remembered: state.base?.rule ?? null, description })
  if (own.kind === 'problem') return { state, hands: [], own }
  if (state.base === null)
    return { state: { ...state, base: baseOf(head, own, null) }, hands: [firstSight(head, own)], own }

  const from = startOf(state.base, head)
  const versions = new Map(known).set(head.version, head.rules)
  const attempts = landedAttempts(state.attempts, versions, from, head.version)
  const walk = startWalk(state, state.base, description, now)
  for (let version = from + 1; version <= head.version; version++) {
    const rules = versions.get(version)
    if (rules) stepTo(walk, version, rules, attempts)
  }
  if (head.rulesetId === '' && state.base.present) stepTo(walk, head.version, [], attempts)
  const paid = new Set(attempts.filter((a) => (a.landed ?? 0) > from).flatMap((a) => a.pays))
  const owed = overwrittenBy(attempts, versions, from, walk.rule === null ? null : keyOf(walk.rule))
  return {
    own,
    hands: walk.hands,
    state: {
      ...walk.state,
      base: baseOf(head, own, walk.rule),
      attempts: trimAttempts(attempts, now),
      debts: [...state.debts.filter((d) => !paid.has(d.id)), ...owed],
      trail: trimTrail(walk.state.trail, now),
    },
  }
}

/** Contents to fetch before `account` can explain everything; ask again with them, until there are none. */
export function stillNeeded(state: EdgeState, head: Head, known: Versions): number[] {
  if (state.base === null || head.rulesetId === '') return []
  const from = startOf(state.base, head)
  const versions = new Map(known).set(head.version, head.rules)
  const attempts = landedAttempts(state.attempts, versions, from, head.version)
  return versionsNeeded(attempts, versions, from, head.version)
}

/** A ruleset that was deleted and made anew counts from 1 again: only its head can be compared. */
function startOf(base: Base, head: Head): number {
  const known = (base.rulesetId === '' || base.rulesetId === head.rulesetId) && base.version <= head.version
  return known ? base.version : head.version - 1
}

interface Walk {
  state: EdgeState
  readonly hands: JudgedHand[]
  snapshot: Snapshot
  rule: Rule | null
  rest: Rest
  readonly description: string
  readonly now: Date
}

function startWalk(state: EdgeState, base: Base, description: string, now: Date): Walk {
  const snapshot = { terms: base.present ? base.terms : [], present: base.present }
  return { state, hands: [], snapshot, rule: base.rule, rest: base.rest, description, now }
}

function stepTo(walk: Walk, version: number, rules: readonly Rule[], attempts: readonly Attempt[]): void {
  const own = findOwnRule(rules, { remembered: walk.rule, description: walk.description })
  if (own.kind === 'problem') return
  const it: Snapshot = own.kind === 'present' ? { terms: own.terms, present: true } : { terms: [], present: false }
  const rest = restOf(rules, own)
  let back = true
  if (!attempts.some((a) => a.landed === version)) {
    const hand = judgeHand({
      before: walk.snapshot,
      it,
      otherwiseChanged: changedOtherwise(walk.rest, rest),
      wasDisabled: walk.snapshot.present && walk.rule?.enabled === false,
      trail: walk.state.trail,
      unseen: unseenOf(attempts),
      awaited: new Set([...Object.keys(walk.state.takenOut), ...(walk.state.contested?.terms ?? [])]),
      takenOut: walk.state.takenOut,
      putBackAt: walk.state.putBackAt,
      contested: walk.state.contested,
      now: walk.now,
    })
    walk.hands.push({ version, ...hand })
    walk.state = remember(walk.state, hand, walk.now)
    back = hand.accident.length + hand.stale.length > 0 || hand.contested !== null
  }
  walk.state = { ...walk.state, trail: [...walk.state.trail, stepBetween(walk.snapshot, it, version, walk.now)] }
  if (own.kind === 'present') walk.rule = own.rule
  else if (walk.snapshot.present && !back) walk.rule = null
  walk.snapshot = it
  walk.rest = rest
}

function remember(state: EdgeState, hand: Hand, now: Date): EdgeState {
  const at = now.toISOString()
  const oldest = new Date(now.getTime() - 24 * 3600_000).toISOString()
  const takenOut = Object.fromEntries(Object.entries(state.takenOut).filter(([, when]) => when >= oldest))
  for (const term of [...hand.stale, ...hand.accident]) takenOut[term] = at
  for (const term of hand.released) delete takenOut[term]
  const putBack = hand.accident.length > 0 || (hand.gone && hand.stale.length > 0)
  return { ...state, takenOut, putBackAt: putBack ? at : state.putBackAt, contested: hand.contested }
}

/** An edge never seen before: whatever stands in our rule is a person's. */
function firstSight(head: Head, own: OwnRule): JudgedHand {
  const adopted = own.kind === 'present' ? own.terms : []
  return { version: head.version, adopted, released: [], stale: [], accident: [], contested: null, gone: false }
}

function baseOf(head: Head, own: OwnRule, lastRule: Rule | null): Base {
  const { rulesetId, version, rules } = head
  const rest = restOf(rules, own)
  if (own.kind === 'present') {
    return { rulesetId, version, rule: own.rule, index: own.index, present: true, terms: own.terms, rest }
  }
  return { rulesetId, version, rule: lastRule, index: rules.length, present: false, terms: [], rest }
}

function changedOtherwise(before: Rest, after: Rest): boolean {
  return before.others !== after.others || (before.own !== '' && after.own !== '' && before.own !== after.own)
}

function restOf(rules: readonly Rule[], own: OwnRule): Rest {
  if (own.kind !== 'present') return { others: digestOf(rules), own: '' }
  const others = digestOf(rules.filter((_, i) => i !== own.index))
  return { others, own: digestOf([{ ...own.rule, expression: own.clauses.join(' or ') }]) }
}
