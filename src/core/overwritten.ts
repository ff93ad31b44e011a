import type { Attempt, Debt } from './edge-state.ts'
import type { Versions } from './landed.ts'
import { changesBetween } from './rule-changes.ts'

/**
 * What a PUT of ours overwrote: every version between the one that it had read and the one that it became was lost, and what
 * its author changed is owed to him. `own` are the keys of our rule.
 */
export function overwrittenBy(
  attempt: Attempt,
  attempts: readonly Attempt[],
  versions: Versions,
  own: ReadonlySet<string>,
): Debt[] {
  const debts: Debt[] = []
  const landed = attempt.landed ?? 0
  for (let lost = attempt.read + 1; lost < landed; lost++) {
    // What he who wrote the lost version had before him: for a PUT of ours the version that it had read.
    const before = attempts.find((a) => a.landed === lost)?.read ?? lost - 1
    const [was, is] = [before === 0 ? [] : versions.get(before), versions.get(lost)]
    if (!was || !is) continue
    changesBetween(was, is, own).forEach((change, i) => {
      debts.push({ id: `${landed}.${lost}.${i}`, change })
    })
  }
  return debts
}

/** The versions whose contents are still to be fetched before everything after `from` up to `head` can be explained. */
export function versionsNeeded(
  attempts: readonly Attempt[],
  versions: Versions,
  from: number,
  head: number,
  owing: boolean,
): number[] {
  const needed = new Set<number>()
  for (let version = Math.max(from + 1, head - MOST); version < head; version++) needed.add(version)
  // What a person changed since may settle what we owe: that takes the version before his.
  if (owing && head > from) needed.add(from)
  for (const attempt of attempts) {
    if (attempt.landed === null || attempt.landed <= from || attempt.landed === attempt.read + 1) continue
    for (let version = Math.max(attempt.read, attempt.landed - MOST); version < attempt.landed; version++)
      needed.add(version)
  }
  return [...needed].filter((version) => version > 0 && !versions.has(version))
}

/** One pass looks at no more versions than this: each is an API call. */
const MOST = 50
