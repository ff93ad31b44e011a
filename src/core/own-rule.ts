import { parseExpression } from './expression/parse.ts'
import { serializeExpression } from './expression/serialize.ts'
import { keyOf, type Rule, SPILL_PARTS } from './rules.ts'

/** How our rule is known: by the id and ref remembered, else by its exact description. */
export interface RuleIdentity {
  readonly remembered: Rule | null
  readonly description: string
}

/** What one version shows of our rule. */
export type OwnRule =
  | { readonly kind: 'absent' }
  | ({ readonly kind: 'present'; readonly rule: Rule; readonly index: number; readonly enabled: boolean } & OwnTerms)
  | { readonly kind: 'problem'; readonly state: 'edge-ambiguous' | 'edge-unreadable'; readonly detail: string }

export interface OwnTerms {
  /** Canonical texts, in order. */
  readonly terms: readonly string[]
  /** Foreign operands of the expression, to the letter. */
  readonly clauses: readonly string[]
}

/** The foreign operands of our rule's expression; none where it cannot be read. */
export function clausesIn(rule: Rule): readonly string[] {
  try {
    return parseExpression(String(rule.expression ?? '')).clauses
  } catch {
    return []
  }
}

/** Canonical terms of a rule's expression; null where it cannot be read. */
export function termsIn(rule: Rule): readonly string[] | null {
  try {
    return parseExpression(String(rule.expression ?? '')).terms.map((term) => term.text)
  } catch {
    return null
  }
}

/** Whether the text is to the letter what a Portcullis writes; a person's may happen to be. */
export function isAsWritten(rule: Rule): boolean {
  const parts = rule[SPILL_PARTS] as { readonly asWritten: boolean } | undefined
  if (parts !== undefined) return parts.asWritten
  try {
    const { terms, clauses } = parseExpression(String(rule.expression ?? ''))
    return serializeExpression({ terms: terms.map((term) => term.text), clauses }) === rule.expression
  } catch {
    return false
  }
}

/** A ref for a rule that has to be made, which none of these has. */
export function freeRef(rules: readonly Rule[]): string {
  const taken = new Set(rules.map(keyOf))
  for (let n = 1, ref = 'portcullis'; ; n++, ref = `portcullis-${n}`) if (!taken.has(ref)) return ref
}

/** Whether the rule has a ref of `freeRef`: one that a person makes has its id for a ref. */
export function isMadeByPortcullis({ ref }: Rule): boolean {
  return /^portcullis(-\d+)?$/.test(ref ?? '')
}

/** Actions under which a listed address is kept out. */
const HOLDING_ACTIONS = ['block', 'challenge', 'js_challenge', 'managed_challenge']

export function isHoldingAction(action: unknown): boolean {
  return HOLDING_ACTIONS.includes(String(action))
}

export function findOwnRule(rules: readonly Rule[], identity: RuleIdentity): OwnRule {
  const places = placesOf(rules, identity)
  const index = places[0]
  if (index === undefined) return { kind: 'absent' }
  if (places.length > 1) {
    const where = places.map((i) => `rule ${i + 1} (id ${rules[i]?.id ?? 'unknown'})`).join(' and ')
    return {
      kind: 'problem',
      state: 'edge-ambiguous',
      detail: `${where} are both called "${identity.description}": rename or delete all but one of them`,
    }
  }
  return readOwnRule(rules[index] as Rule, index)
}

/** Whether the rule, as it stands, keeps out what it lists; null: it does. */
export function whyNotHolding(own: OwnRule): { state: string; detail: string } | null {
  if (own.kind === 'problem') return own
  if (own.kind === 'absent') return null
  const action = String(own.rule.action)
  if (!isHoldingAction(action)) {
    return {
      state: 'edge-action',
      detail: `our rule's action is "${action}": set it to one of ${HOLDING_ACTIONS.join(', ')}, or rename the rule so that a new one is made`,
    }
  }
  if (!own.enabled) {
    return {
      state: 'edge-disabled',
      detail: 'our rule is switched off in Cloudflare, and stays so until somebody switches it on there',
    }
  }
  return null
}

function placesOf(rules: readonly Rule[], { remembered, description }: RuleIdentity): number[] {
  const known = remembered === null ? [] : indexesWhere(rules, (r) => isSame(r, remembered))
  return known.length > 0 ? known : indexesWhere(rules, (r) => r.description === description)
}

function isSame(rule: Rule, remembered: Rule): boolean {
  return (rule.id !== undefined && rule.id === remembered.id) || (rule.ref !== undefined && rule.ref === remembered.ref)
}

function indexesWhere(rules: readonly Rule[], matches: (rule: Rule) => boolean): number[] {
  return rules.flatMap((rule, index) => (matches(rule) ? [index] : []))
}

function readOwnRule(rule: Rule, index: number): OwnRule {
  try {
    const { terms, clauses } = parseExpression(String(rule.expression ?? ''))
    return { kind: 'present', rule, index, enabled: rule.enabled !== false, terms: terms.map((t) => t.text), clauses }
  } catch (error) {
    const detail = `the expression of rule ${index + 1} cannot be read: ${error instanceof Error ? error.message : error}`
    return { kind: 'problem', state: 'edge-unreadable', detail }
  }
}
