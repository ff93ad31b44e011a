import type { Config } from '../config.ts'
import { expressionLength, serializeExpression } from '../core/expression/serialize.ts'
import { withoutListClause } from '../core/list-clause.ts'
import { findOwnRule, type OwnRule, whyNotHolding } from '../core/own-rule.ts'
import { messageOf } from '../errors.ts'
import type { Edge, Rule } from '../ports.ts'
import { bad, type Finding, good, warn } from './check-finding.ts'

type Settings = Pick<Config['cloudflare'], 'rule' | 'action' | 'expressionLimit' | 'accountId' | 'list'>

/** Our rule among the zone's: whether it is there and holds, its room, what stands above it, and whether one more would fit. */
export async function* checkRules(edge: Edge, rules: readonly Rule[], settings: Settings): AsyncGenerator<Finding> {
  const what = `rule of ${edge.name}`
  const own = findOwnRule(rules, { remembered: null, description: settings.rule })
  const another = await roomForOneMore(edge, rules, settings)
  yield ownFinding(what, own, settings, another)
  yield* skipsAbove(what, rules, own)
  yield another.room
    ? good(what, `${counted(rules.length, 'custom rule')} in the zone, and room for one more`)
    : own.kind === 'absent'
      ? bad(what, `there is no room for our rule: ${another.why}; delete one, or name one of yours in CLOUDFLARE_RULE`)
      : warn(what, `${counted(rules.length, 'custom rule')} in the zone, and no room for another: ${another.why}`)
}

function ownFinding(
  what: string,
  own: OwnRule,
  { rule, expressionLimit, accountId, list }: Settings,
  another: { room: boolean },
): Finding {
  if (own.kind === 'absent') {
    const note = `"${rule}" is not there yet`
    return another.room ? good(what, `${note}; it is made with the first ban`) : warn(what, note)
  }
  const problem = whyNotHolding(own)
  if (problem !== null) {
    // Switched off is a person's decision, to be kept.
    return (problem.state === 'edge-disabled' ? warn : bad)(what, `${problem.state}: ${problem.detail}`)
  }
  if (own.kind !== 'present') return bad(what, 'cannot be read')
  const used = expressionLength(serializeExpression(own))
  const share = Math.round((used / expressionLimit) * 100)
  const clauses = accountId === null ? own.clauses : withoutListClause(own.clauses, list)
  const foreign = clauses.length === 0 ? '' : `, ${counted(clauses.length, 'clause')} of yours kept as it is`
  const message = `"${rule}" holds ${counted(own.terms.length, 'entry')}${foreign}; ${used} of ${expressionLimit} characters used (${share} %)`
  return (share >= 90 ? warn : good)(what, message)
}

/** A rule above ours that skips the remaining custom rules lets through whom ours would stop. */
function* skipsAbove(what: string, rules: readonly Rule[], own: OwnRule): Generator<Finding> {
  const above = own.kind === 'present' ? rules.slice(0, own.index) : rules
  for (const rule of above) {
    const { ruleset } = Object(rule.action_parameters) as { ruleset?: unknown }
    if (rule.action !== 'skip' || rule.enabled === false || ruleset !== 'current') continue
    const name = JSON.stringify(rule.description ?? rule.id ?? '')
    yield warn(
      what,
      `${name} stands above it and skips it for whom it matches: ${String(rule.expression).slice(0, 120)}`,
    )
  }
}

/** Has Cloudflare check the rules with one more, without making it. */
async function roomForOneMore(
  edge: Edge,
  rules: readonly Rule[],
  { rule, action }: Settings,
): Promise<{ readonly room: boolean; readonly why: string }> {
  const expression = serializeExpression({ terms: [], clauses: [] })
  const probe: Rule = { description: `${rule} (check)`, action, enabled: true, expression }
  try {
    await edge.dryRun([...rules, probe])
    return { room: true, why: '' }
  } catch (error) {
    return { room: false, why: messageOf(error) }
  }
}

function counted(count: number, noun: string): string {
  return `${count} ${count === 1 ? noun : noun === 'entry' ? 'entries' : `${noun}s`}`
}
