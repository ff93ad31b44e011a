import { createHash } from 'node:crypto'

/** A rule exactly as Cloudflare gave it: known fields or not. */
export type Rule = Readonly<Record<string, unknown>> & { readonly id?: string; readonly ref?: string }

/** Where a rule that settle sees as one keeps what its several parts at Cloudflare are; see `fold`. Never sent. */
export const SPILL_PARTS = 'portcullis_parts'

/** Fields of a rule that only the API writes: they say nothing about what a person wants. */
const API_OWNED = ['version', 'last_updated', 'categories']

/** What names a rule across versions: its ref, else its id. */
export function keyOf(rule: Rule): string {
  return rule.ref ?? rule.id ?? ''
}

/** The rule less the fields that the API owns: what may be sent. */
export function sendable(rule: Rule): Rule {
  return Object.fromEntries(Object.entries(rule).filter(([field]) => !API_OWNED.includes(field)))
}

export function sameRule(a: Rule, b: Rule): boolean {
  return canonical(comparable(a)) === canonical(comparable(b))
}

/** Names a list of rules by content: equal for what was sent and for the version that it became. */
export function digestOf(rules: readonly Rule[]): string {
  return createHash('sha256')
    .update(canonical(rules.map(comparable)))
    .digest('hex')
}

/** When one of the rules was last written: about the time of the version. ISO 8601; null where none says. */
export function newestChange(rules: readonly Rule[]): string | null {
  const times = rules.flatMap((rule) => (typeof rule.last_updated === 'string' ? [rule.last_updated] : []))
  return times.sort().at(-1) ?? null
}

/** A rule that we create has a ref and no id yet, so with a ref the id does not count. */
function comparable(rule: Rule): Rule {
  const { id, ...rest } = sendable(rule)
  return rest.ref === undefined ? { ...rest, ref: id ?? '' } : rest
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const entries = Object.entries(value).filter(([, v]) => v !== undefined)
  entries.sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${canonical(v)}`).join(',')}}`
}
