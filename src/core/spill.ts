import { expressionLength, serializeExpression } from './expression/serialize.ts'
import { clausesIn, isAsWritten, isHoldingAction, termsIn } from './own-rule.ts'
import { keyOf, type Rule, SPILL_PARTS } from './rules.ts'

/** Kept in the folded rule under `SPILL_PARTS`: all of the parts but their terms. */
interface Parts {
  readonly first: { readonly enabled: unknown; readonly action: unknown }
  readonly others: readonly { readonly rule: Rule; readonly clauses: readonly string[] }[]
  /** See `isAsWritten`: true of all of them. */
  readonly asWritten: boolean
}

/**
 * What does not fit into our rule spills into "… 2", "… 3". Settle sees one rule: `fold` shows our rules as one, `unfold` makes
 * them several again. A numbered rule names the rule that it belongs to in its ref, so that nobody's rename parts them.
 *
 * Every rule with the numbered rules that belong to it in one: all their terms, off when one is off.
 */
export function fold(rules: readonly Rule[]): readonly Rule[] {
  const keys = new Set(rules.map(keyOf))
  const parts = Map.groupBy(
    rules.filter((rule) => keys.has(ownerOf(rule) ?? '')),
    (rule) => ownerOf(rule) as string,
  )
  if (parts.size === 0) return rules
  return rules.flatMap((rule) => {
    if (keys.has(ownerOf(rule) ?? '')) return []
    const others = parts.get(keyOf(rule))
    return others === undefined ? [rule] : [folded(rule, others.sort(byNumber))]
  })
}

/**
 * The rules to send: each that is folded, or too long, as many as it takes. Terms stay in the rule in which `standing` shows
 * them; `fold` of the result holds the same terms.
 */
export function unfold(
  rules: readonly Rule[],
  standing: readonly Rule[],
  room: { readonly limit: number; readonly maxRules: number },
): readonly Rule[] {
  const whole = rules.filter((rule) => SPILL_PARTS in rule || lengthOf(rule) > room.limit)
  if (whole.length === 0) return rules
  const owners = new Set(whole.map(keyOf))
  return rules.flatMap((rule) => {
    if (owners.has(ownerOf(rule) ?? '')) return []
    return owners.has(keyOf(rule)) ? spread(rule, rules, standing, room) : [rule]
  })
}

/** The limit for the folded expression: a rule may be left short of the longest term, for terms are not cut. */
export function foldedLimit({ limit, maxRules }: { readonly limit: number; readonly maxRules: number }): number {
  return limit + (maxRules - 1) * (limit - EMPTY_SET - LONGEST_TERM)
}

/** How many numbered rules a rule has, as far as it is folded. */
export function partsOf(rule: Rule | null): number {
  const parts = rule?.[SPILL_PARTS] as Parts | undefined
  return parts?.others.length ?? 0
}

// `(ip.src in {})`, and the longest term with its blank: an IPv6 prefix.
const EMPTY_SET = 14
const LONGEST_TERM = 44
const REF = /^portcullis_spill_(\d+)_(.+)$/

/** One of our numbered rules. */
export function isNumbered(rule: Rule): boolean {
  return ownerOf(rule) !== null
}

function ownerOf(rule: Rule): string | null {
  return REF.exec(rule.ref ?? '')?.[2] ?? null
}

function numberOf(rule: Rule): number {
  return Number(REF.exec(rule.ref ?? '')?.[1] ?? 1)
}

function byNumber(a: Rule, b: Rule): number {
  return numberOf(a) - numberOf(b)
}

function lengthOf(rule: Rule): number {
  return expressionLength(String(rule.expression ?? ''))
}

function folded(first: Rule, others: readonly Rule[]): Rule {
  const all = [first, ...others]
  const parts: Parts = {
    first: { enabled: first.enabled, action: first.action },
    // A rule that is yet to be made has no id, so none counts here: the ref names it.
    others: others.map(({ id, expression, version, last_updated, ...rule }) => ({
      rule,
      clauses: clausesIn({ expression }),
    })),
    asWritten: all.every(isAsWritten),
  }
  const unreadable = all.find((rule) => termsIn(rule) === null)
  const terms = [...new Set(all.flatMap((rule) => termsIn(rule) ?? []))]
  return {
    ...first,
    ...summaryOf(all),
    expression: unreadable?.expression ?? serializeExpression({ terms, clauses: clausesIn(first) }),
    [SPILL_PARTS]: parts,
  }
}

/** On when all are; an action that does not hold speaks for all. */
function summaryOf(all: readonly Rule[]): { enabled: unknown; action: unknown } {
  const off = all.find((rule) => rule.enabled === false)
  const odd = all.find((rule) => !isHoldingAction(rule.action))
  return { enabled: off === undefined ? all[0]?.enabled : false, action: (odd ?? all[0])?.action }
}

interface Bin {
  readonly rule: Rule
  readonly clauses: readonly string[]
  readonly terms: string[]
  left: number
}

function spread(
  whole: Rule,
  rules: readonly Rule[],
  standing: readonly Rule[],
  room: { readonly limit: number; readonly maxRules: number },
): Rule[] {
  const terms = termsIn(whole)
  // What cannot be read is not edited.
  if (terms === null)
    return [...standing.filter((rule) => keyOf(rule) === keyOf(whole) || ownerOf(rule) === keyOf(whole))]
  const bins = binsOf(whole, [...standing, ...rules], room)
  const place = new Map(standing.flatMap((rule) => (termsIn(rule) ?? []).map((term) => [term, keyOf(rule)] as const)))
  for (const term of terms)
    putInto(
      bins.find((bin) => keyOf(bin.rule) === place.get(term)),
      term,
    )
  const placed = new Set(bins.flatMap((bin) => bin.terms))
  for (const term of terms) {
    if (placed.has(term)) continue
    // One that fits nowhere goes where Cloudflare will say so.
    const bin = bins.find(({ left }) => left >= cost(term)) ?? (bins[0] as Bin)
    bin.terms.push(term)
    bin.left -= cost(term)
  }
  return bins
    .filter((bin, at) => at === 0 || bin.terms.length + bin.clauses.length > 0)
    .map(({ rule, clauses, terms }) => ({
      ...idIn(standing, rule),
      ...rule,
      expression: serializeExpression({ terms, clauses }),
    }))
}

function idIn(standing: readonly Rule[], { ref }: Rule): { id?: string } {
  const id = standing.find((rule) => ref !== undefined && rule.ref === ref)?.id
  return id === undefined ? {} : { id }
}

function putInto(bin: Bin | undefined, term: string): void {
  if (bin === undefined || bin.left < cost(term)) return
  bin.terms.push(term)
  bin.left -= cost(term)
}

function cost(term: string): number {
  return expressionLength(term) + 1
}

function binsOf(whole: Rule, rules: readonly Rule[], { limit, maxRules }: { limit: number; maxRules: number }): Bin[] {
  const { [SPILL_PARTS]: kept, ...first } = whole
  const parts = kept as Parts | undefined
  const strays = Map.groupBy(
    rules.filter((rule) => ownerOf(rule) === keyOf(whole)),
    keyOf,
  )
  const found = [...strays.values()].map(([rule]) => ({ rule: rule as Rule, clauses: clausesIn(rule as Rule) }))
  const known = parts?.others ?? found
  const changed = changedByHand(whole, parts)
  const rest = known.filter(({ clauses }, at) => at + 1 < maxRules || clauses.length > 0)
  const bins = [
    binOf({ ...first, ...(changed ? {} : parts?.first) } as Rule, clausesIn(whole), limit),
    ...rest.map(({ rule, clauses }) =>
      binOf(changed ? { ...rule, enabled: whole.enabled, action: whole.action } : rule, clauses, limit),
    ),
  ]
  for (let n = nextNumber(bins); bins.length < maxRules; n++) bins.push(binOf(numbered(whole, n), [], limit))
  return bins
}

/** What a person changed in the folded rule, done again by a debt, is meant for all. */
function changedByHand(whole: Rule, parts: Parts | undefined): boolean {
  if (parts === undefined) return false
  const then = summaryOf([{ ...parts.first }, ...parts.others.map(({ rule }) => rule)])
  return then.enabled !== whole.enabled || then.action !== whole.action
}

function binOf(rule: Rule, clauses: readonly string[], limit: number): Bin {
  const used = expressionLength(serializeExpression({ terms: ['::'], clauses })) - '::'.length
  return { rule, clauses, terms: [], left: limit - used + 1 }
}

function nextNumber(bins: readonly Bin[]): number {
  return Math.max(1, ...bins.map(({ rule }) => numberOf(rule))) + 1
}

function numbered(whole: Rule, n: number): Rule {
  const { action, enabled, description } = whole
  return {
    ref: `portcullis_spill_${n}_${keyOf(whole)}`,
    description: `${description} ${n}`,
    action,
    enabled,
    expression: '',
  }
}
