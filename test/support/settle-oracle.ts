import { deepEqual, equal, ok } from 'node:assert/strict'
import { parseExpression } from '../../src/core/expression/parse.ts'
import type { Rule } from '../../src/core/rules.ts'
import { DAY, HOUR, MINUTE, ownRule, termsIn } from './settle-world.ts'

/** `maybe`: the design lets an interleaving be read in two ways, and either is right. */
type Known = 'yes' | 'no' | 'maybe'

interface Wish {
  /** An alert wants it, since when, and for how long (null: for ever). */
  alert: Known
  since: number
  durationMs: number | null
  operator: Known
  /** A person's entry at the edge. */
  entry: Known
  /** When a person let it out. */
  releasedAt: number | null
}

/** What a person did, as a test that does it knows. */
export type Intent = 'terms' | 'stale' | 'stale-and-terms' | 'other'

/**
 * What people and alerts want, from what they did and nothing else. It is told of each edit of a person with the rules before
 * and after, and knows of passes only whether everything before was accounted for (`quiet`).
 */
export interface Oracle {
  alerted(address: string, durationMs: number | null, refusal: string | null, now: number, quiet: boolean): void
  operatorBanned(address: string, quiet: boolean): void
  unbanned(address: string, quiet: boolean): void
  edited(edit: Edit): void
  /** Everything until now is accounted for: what an hour or a day counts from has happened by now. */
  accounted(now: number): void
  /** Versions are forgotten before they were accounted for: nobody can know what they meant. */
  blinded(): void
  /** The rules as they are at the end are what people and alerts want. */
  check(found: { rules: readonly Rule[]; state: string; now: number; raced: boolean }): void
}

export interface Edit {
  readonly before: readonly Rule[]
  readonly after: readonly Rule[]
  readonly intent: Intent
  /** Terms that stood in any version until now. */
  readonly everListed: ReadonlySet<string>
  readonly now: number
}

/** A moment that has yet to come: settle counts from the pass that sees a thing. */
const PENDING = Number.POSITIVE_INFINITY

export function createOracle(): Oracle {
  const wishes = new Map<string, Wish>()
  const foreign = new Map<string, Rule>()
  /** One person deleted them, another changed them while a PUT of ours had brought them back: either may have his way. */
  const disputed = new Set<string>()
  let order: string[] = []
  let enabled = true
  let clauses: Set<string> | null = new Set<string>()
  /** Our rule was deleted while it was off: it stays away. */
  let away = false
  let contested: Known = 'no'
  let blind = false
  let accidentAt = Number.NEGATIVE_INFINITY
  const takenOutAt = new Map<string, number>()
  const wish = (address: string): Wish => {
    const known = wishes.get(address)
    if (known !== undefined) return known
    const nothing: Wish = { alert: 'no', since: 0, durationMs: null, operator: 'no', entry: 'no', releasedAt: null }
    wishes.set(address, nothing)
    return nothing
  }
  const release = (address: string, now: number) =>
    wishes.set(address, { ...wish(address), alert: 'no', operator: 'no', entry: 'no', releasedAt: now })
  /** Either it was let out, or it comes back. */
  const unclear = (address: string) => {
    const it = wish(address)
    for (const part of ['alert', 'operator', 'entry'] as const) if (it[part] === 'yes') it[part] = 'maybe'
    it.releasedAt = null
  }

  function judgeTerms({ before, after, intent, everListed, now }: Edit): void {
    const [was, is] = [termsIn(before) ?? [], termsIn(after) ?? []]
    const lost = was.filter((t) => !is.includes(t))
    const fresh = is.filter((t) => !was.includes(t))
    const gone = ownRule(before) !== undefined && ownRule(after) === undefined
    const accident = lost.length >= 5 && (gone || lost.length > was.length / 2)
    if (gone && !enabled) {
      away = true
      contested = 'yes'
      return
    }
    if (intent === 'terms' && (accident || gone) && now - accidentAt < DAY + HOUR) contested = 'maybe'
    if (intent === 'stale' || intent === 'stale-and-terms') {
      for (const term of lost) {
        // A second time within an hour is a release; and with a term of his own the copy may be nearer to another version.
        if (intent === 'stale-and-terms' || now - (takenOutAt.get(term) ?? -DAY) < HOUR + 5 * MINUTE) unclear(term)
        takenOutAt.set(term, PENDING)
      }
      for (const term of fresh) {
        if (everListed.has(term)) wish(term).entry = either(wish(term).entry, 'yes')
        else wish(term).entry = 'yes'
      }
      return
    }
    if (accident) {
      accidentAt = PENDING
      for (const term of lost) takenOutAt.set(term, PENDING)
    } else if (lost.length > 0 && fresh.length > 0) {
      for (const term of lost) {
        unclear(term)
        takenOutAt.set(term, PENDING)
      }
    } else for (const term of lost) release(term, now)
    for (const term of fresh) {
      // With one more thing done in the same version, an old copy with that term in it may have been saved.
      const seenBefore = lost.length + fresh.length > 1 && everListed.has(term)
      wish(term).entry = seenBefore || takenOutAt.has(term) ? either(wish(term).entry, 'yes') : 'yes'
    }
  }

  function judgeOwn({ before, after }: Edit): void {
    const [was, is] = [ownRule(before), ownRule(after)]
    if (is === undefined) {
      if (was === undefined || contested !== 'no' || enabled === false) return
      // Let out with its rule: one that is made later is a new one. An accident brings it back as it was.
      if ((termsIn(before) ?? []).length < 5) clauses = null
      return
    }
    away = false
    const now = new Set(parseExpression(String(is.expression)).clauses)
    if (was === undefined) {
      if (contested === 'yes') contested = 'maybe'
      enabled = is.enabled !== false
      clauses = now
      return
    }
    if (was.enabled !== is.enabled) enabled = is.enabled !== false
    const old = parseExpression(String(was.expression)).clauses
    for (const clause of old) if (!now.has(clause)) clauses?.delete(clause)
    for (const clause of now) if (!old.includes(clause)) clauses?.add(clause)
  }

  function judgeForeign({ before, after }: Edit): void {
    const [old, now] = [others(before), others(after)]
    for (const ref of old.keys()) if (!now.has(ref)) foreign.delete(ref)
    for (const [ref, rule] of now) {
      const was = old.get(ref)
      const known = foreign.get(ref)
      if (was !== undefined && known === undefined && JSON.stringify(was) !== JSON.stringify(rule)) disputed.add(ref)
      if (was === undefined || known === undefined) {
        if (JSON.stringify(was) !== JSON.stringify(rule)) foreign.set(ref, rule)
        continue
      }
      const changed = Object.entries(rule).filter(([name, v]) => JSON.stringify(v) !== JSON.stringify(was[name]))
      const dropped = Object.keys(was).filter((name) => !(name in rule))
      const kept = Object.entries(known).filter(([name]) => !dropped.includes(name))
      foreign.set(ref, { ...Object.fromEntries(kept), ...Object.fromEntries(changed) })
    }
    order = [...now.keys()]
  }

  function checkWishes(rules: readonly Rule[], now: number, state: string): void {
    const terms = termsIn(rules) ?? []
    for (const [address, it] of wishes) {
      const listed = terms.includes(address)
      const { must, may } = standing(it, now)
      const why = `${address} at ${new Date(now).toISOString()}, ${state}: ${JSON.stringify(it)}`
      if (must) ok(listed, `should be in the rule: ${why}`)
      else if (!may) ok(!listed, `should not be in the rule: ${why}`)
    }
    for (const term of terms) ok(wishes.has(term), `nobody asked for ${term}`)
  }

  return {
    alerted(address, durationMs, refusal, now, quiet) {
      const it = wish(address)
      if (refusal !== null) {
        if (!blind) equal(refusal, 'released')
        return
      }
      if (quiet && !blind && it.releasedAt !== null)
        ok(now - it.releasedAt >= DAY, `${address} was let out and is banned again`)
      const stands = it.alert === 'yes' && (it.durationMs === null || now < it.since + it.durationMs)
      if (stands) return
      const unsure = it.alert !== 'no' || !quiet
      Object.assign(it, { alert: unsure ? 'maybe' : 'yes', since: now, durationMs })
    },
    operatorBanned(address, quiet) {
      wish(address).operator = quiet ? 'yes' : 'maybe'
    },
    unbanned(address, quiet) {
      const it = wish(address)
      it.alert = 'no'
      it.operator = 'no'
      if (it.entry !== 'no') it.entry = quiet ? 'no' : 'maybe'
    },
    edited(edit) {
      judgeTerms(edit)
      judgeOwn(edit)
      judgeForeign(edit)
    },
    accounted(now) {
      for (const [term, at] of takenOutAt) if (at === PENDING) takenOutAt.set(term, now)
      if (accidentAt === PENDING) accidentAt = now
    },
    blinded() {
      blind = true
    },
    check({ rules, state, now, raced }) {
      if (blind) return
      const undisputed = (all: Map<string, Rule>) => Object.fromEntries([...all].filter(([ref]) => !disputed.has(ref)))
      deepEqual(undisputed(others(rules)), undisputed(foreign), 'other people’s rules')
      if (!raced) deepEqual([...others(rules).keys()], order, 'the order of other people’s rules')
      const own = ownRule(rules)
      if (away) equal(own, undefined, 'our rule was deleted while it was off')
      if (own !== undefined && contested === 'no') {
        equal(own.enabled !== false, enabled, 'enabled is a person’s')
        const found = parseExpression(String(own.expression)).clauses
        if (clauses !== null) deepEqual(new Set(found), clauses, 'foreign clauses')
      }
      if (contested !== 'no') return
      equal(state, own !== undefined && !enabled ? 'edge-disabled' : 'ok')
      checkWishes(rules, now, state)
    },
  }
}

function standing(it: Wish, now: number): { must: boolean; may: boolean } {
  const runs = it.durationMs === null || now < it.since + it.durationMs
  const must = it.operator === 'yes' || it.entry === 'yes' || (it.alert === 'yes' && runs && now < it.since + DAY)
  // Its clock starts when it is first held, which the oracle does not know.
  return { must, may: it.operator !== 'no' || it.entry !== 'no' || it.alert !== 'no' }
}

function either(a: Known, b: Known): Known {
  return a === b ? a : 'maybe'
}

function others(rules: readonly Rule[]): Map<string, Rule> {
  const kept = rules.filter((rule) => rule !== ownRule(rules))
  return new Map(
    kept.map((rule) => {
      const { id: _id, version: _version, last_updated: _updated, ...rest } = rule as Record<string, unknown>
      return [String(rule.ref), rest as Rule]
    }),
  )
}
