import type { Head } from './account.ts'
import type { EdgeState } from './edge-state.ts'
import { hasListClause } from './list-clause.ts'
import type { OwnRule } from './own-rule.ts'

export interface ClauseFacts {
  /** absent: no list is or was used. */
  readonly list: { readonly name: string; readonly wanted: boolean } | undefined
  /** Whether the list is known to be there: without it nothing can name it. */
  readonly there: boolean
  readonly own: OwnRule
  /** As it was before this pass. */
  readonly before: EdgeState
  readonly head: Head
  readonly now: Date
}

const DAY_MS = 24 * 3600_000

/**
 * What became of the clause by which our rule names the list, all bans of it at once: who takes it out, or deletes the rule with
 * it, is taken for an accident once in 24 h, and then meant it.
 */
export function judgeClause(
  state: EdgeState,
  { list, there, own, before, head, now }: ClauseFacts,
): { readonly state: EdgeState; readonly putBack: boolean; readonly contested: boolean } {
  const same = { state, putBack: false, contested: false }
  if (list === undefined || own.kind === 'problem') return same
  const isOurs = state.clause?.list === list.name
  if (own.kind === 'present' && hasListClause(own.clauses, list.name)) {
    if (!list.wanted && !isOurs) return same
    const { contested } = state
    const over = contested !== null && !contested.ruleGone && contested.terms.length === 0
    return { ...same, state: { ...seen(state, list.name), contested: over ? null : contested } }
  }
  if (!isOurs) return same
  if (!list.wanted) return { ...same, state: withoutClause(state) }
  // A PUT of ours from before it was there may land late.
  const landed = state.attempts.some((attempt) => attempt.landed === head.version)
  const awaited = { ...state, clause: { list: list.name, awaited: true } }
  if (state.clause?.awaited || landed || !there || state.contested !== null) return { ...same, state: awaited }
  const at = now.toISOString()
  const lately = before.putBackAt !== null && now.getTime() - Date.parse(before.putBackAt) < DAY_MS
  if (!lately) return { ...same, state: { ...awaited, putBackAt: at }, putBack: true }
  const contested = { at, ruleGone: own.kind === 'absent', terms: [] }
  return { state: { ...awaited, contested }, putBack: false, contested: true }
}

/** After a PUT: what it brought is there, and who takes it out from now on has seen it; what it took out is gone. */
export function clauseSeen(state: EdgeState, own: OwnRule, list: ClauseFacts['list']): EdgeState {
  if (list === undefined || state.clause?.list !== list.name || own.kind !== 'present') return state
  if (hasListClause(own.clauses, list.name)) return seen(state, list.name)
  return list.wanted ? state : withoutClause(state)
}

function withoutClause({ clause: _, ...rest }: EdgeState): EdgeState {
  return rest
}

function seen(state: EdgeState, list: string): EdgeState {
  return { ...state, clause: { list, awaited: false } }
}
