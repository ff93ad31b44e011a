import { stillOwed } from './debts.ts'
import type { Attempt, Debt, RuleChange } from './edge-state.ts'
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
    const ours = attempts.find((a) => a.landed === lost)
    // What he who wrote the lost version had before him: for a PUT of ours the version that it had read.
    const before = ours?.read ?? lost - 1
    const made = changesIn(before, lost, versions, own)
    // What people did before it arrived is later than what it was to do, and is owed to them already.
    const since = ours === undefined ? [] : peoplesChanges(before, lost, attempts, versions, own)
    debts.push(
      ...stillOwed(
        made.map((change, i) => ({ id: `${landed}.${lost}.${i}`, change })),
        since,
      ),
    )
  }
  return debts
}

function changesIn(before: number, after: number, versions: Versions, own: ReadonlySet<string>): RuleChange[] {
  const [was, is] = [before === 0 ? [] : versions.get(before), versions.get(after)]
  return was && is ? changesBetween(was, is, own) : []
}

/** What people changed after the one version and before the other. */
function peoplesChanges(
  from: number,
  to: number,
  attempts: readonly Attempt[],
  versions: Versions,
  own: ReadonlySet<string>,
): RuleChange[] {
  const changes: RuleChange[] = []
  for (let version = from + 1; version < to; version++) {
    if (!attempts.some((a) => a.landed === version)) changes.push(...changesIn(version - 1, version, versions, own))
  }
  return changes
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
