import { type Head, stillNeeded } from '../core/account.ts'
import type { EdgeState } from '../core/edge-state.ts'
import type { Rule } from '../core/rules.ts'
import type { Edge, Ruleset } from '../ports.ts'

/** What the edge shows now. */
export async function readHead(edge: Edge): Promise<Head> {
  const ruleset = await edge.read()
  return ruleset === null ? { rulesetId: '', version: 0, rules: [] } : headOf(ruleset)
}

export function headOf(ruleset: Ruleset): Head {
  return { rulesetId: ruleset.id, version: ruleset.version, rules: ruleset.rules }
}

/** Adds to `versions` what `account` needs to explain everything up to the head; null: no longer kept. */
export async function fetchVersions(
  edge: Edge,
  state: EdgeState,
  head: Head,
  versions: Map<number, readonly Rule[] | null>,
): Promise<void> {
  for (;;) {
    const needed = stillNeeded(state, head, versions)
    if (needed.length === 0) return
    for (const version of needed) versions.set(version, (await edge.version(version))?.rules ?? null)
  }
}
