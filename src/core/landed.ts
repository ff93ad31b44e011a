import type { Attempt } from './edge-state.ts'
import { digestOf, keyOf, newestChange, type Rule } from './rules.ts'

/** Versions of the ruleset by number, as far as they are known; null: Cloudflare no longer has it. */
export type Versions = ReadonlyMap<number, readonly Rule[] | null>

const KEPT_MS = 24 * 3600_000
const KEPT = 50

// Cloudflare's own servers give a request up after 100 s, and clocks differ a little.
const LATEST_MS = 2 * 60_000

/**
 * The attempts, those that became one of the versions after `from` marked with it; a PUT may land late, or unanswered. `own` is
 * the key of our rule.
 */
export function landedAttempts(
  attempts: readonly Attempt[],
  versions: Versions,
  from: number,
  to: number,
  own: string | null,
): Attempt[] {
  const result = [...attempts]
  for (let version = from + 1; version <= to; version++) {
    const rules = versions.get(version)
    if (!rules || result.some((a) => a.landed === version)) continue
    const digest = digestOf(rules)
    const before = versions.get(version - 1) ?? []
    const isOurs = (a: Attempt) => {
      if (a.landed !== null || a.read >= version || a.digest !== digest) return false
      const equal = result.some((b) => b.landed !== null && b.landed < version && b.digest === digest)
      return !((equal || listsTheSame(own, before, rules)) && isLongAfter(rules, a))
    }
    const index = result.findLastIndex(isOurs)
    const attempt = result[index]
    if (attempt !== undefined) result[index] = { ...attempt, landed: version }
  }
  return result
}

/** Those of the attempts that nobody knew to have landed. */
export function newlyLanded(before: readonly Attempt[], after: readonly Attempt[]): Attempt[] {
  const open = new Set(before.filter(({ landed }) => landed === null).map(({ id }) => id))
  return after.filter(({ id, landed }) => landed !== null && open.has(id))
}

/** Whether our rule has the expression that it had the version before: then a person need not have typed ours to make the same. */
function listsTheSame(own: string | null, before: readonly Rule[], after: readonly Rule[]): boolean {
  const [was, is] = [before, after].map((rules) => rules.find((rule) => keyOf(rule) === own))
  return was !== undefined && is !== undefined && was.expression === is.expression
}

/**
 * A person may make by hand what we once sent: switch our rule off and on again, add a rule and delete it. Where nothing else
 * tells the two apart, time does: what was sent so long ago does not arrive any more.
 */
function isLongAfter(rules: readonly Rule[], attempt: Attempt): boolean {
  const written = newestChange(rules)
  return written === null || Date.parse(written) - Date.parse(attempt.at) > LATEST_MS
}

export function trimAttempts(attempts: readonly Attempt[], now: Date): Attempt[] {
  const oldest = new Date(now.getTime() - KEPT_MS).toISOString()
  return attempts.filter((a) => a.at >= oldest).slice(-KEPT)
}

/** What attempts were adding and removing that may have become a version after `from` and before `to` which nobody has seen. */
export function unseenOf(
  attempts: readonly Attempt[],
  from: number,
  to: number,
): { adding: Set<string>; removing: Set<string> } {
  const unseen = from + 1 === to ? [] : attempts.filter((a) => a.landed === null || (a.landed > from && a.landed < to))
  return { adding: new Set(unseen.flatMap((a) => a.adding)), removing: new Set(unseen.flatMap((a) => a.removing)) }
}

/** In a ruleset made anew the numbers begin again: what has not landed yet may, and overwrites everything there. */
export function inNewRuleset(attempts: readonly Attempt[]): Attempt[] {
  return attempts.filter((a) => a.landed === null).map((a) => ({ ...a, read: 0 }))
}
