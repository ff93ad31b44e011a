import type { Attempt, Debt } from './edge-state.ts'
import type { Versions } from './landed.ts'
import { changesBetween } from './rule-changes.ts'

/**
 * What our PUTs that landed after `from` overwrote: every version between the one such a PUT had read and the one it
 * became was lost, and what its author changed is owed to him.
 */
export function overwrittenBy(
  attempts: readonly Attempt[],
  versions: Versions,
  from: number,
  own: string | null,
): Debt[] {
  const debts: Debt[] = []
  for (const attempt of attempts) {
    if (attempt.landed === null || attempt.landed <= from) continue
    for (let lost = attempt.read + 1; lost < attempt.landed; lost++) {
      // What he who wrote the lost version had before him: for a PUT of ours the version that it had read.
      const before = attempts.find((a) => a.landed === lost)?.read ?? lost - 1
      const [was, is] = [versions.get(before) ?? (before === 0 ? [] : null), versions.get(lost)]
      if (!was || !is) continue
      changesBetween(was, is, own).forEach((change, i) => {
        debts.push({ id: `${attempt.landed}.${lost}.${i}`, change })
      })
    }
  }
  return debts
}

/** The versions whose contents are still to be fetched before everything up to `head` can be explained. */
export function versionsNeeded(attempts: readonly Attempt[], versions: Versions, from: number, head: number): number[] {
  const needed = new Set<number>()
  for (let version = Math.max(from + 1, head - MOST); version < head; version++) needed.add(version)
  for (const attempt of attempts) {
    if (attempt.landed === null || attempt.landed <= from || attempt.landed === attempt.read + 1) continue
    for (let version = Math.max(attempt.read, attempt.landed - MOST); version < attempt.landed; version++)
      needed.add(version)
  }
  return [...needed].filter((version) => version > 0 && !versions.has(version))
}

/** One pass looks at no more versions than this: each is an API call. */
const MOST = 50
