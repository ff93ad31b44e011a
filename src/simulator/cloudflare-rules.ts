import { randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Rule } from '../ports.ts'
import { type FilterOptions, parseFilter } from './cloudflare-expression.ts'

export interface RuleLimits extends FilterOptions {
  /** Rules allowed in the phase. */
  readonly quota: number
  /** Characters of an expression. */
  readonly expressionLimit: number
  /** Whether `version`, `last_updated` and `categories` in a sent rule are refused. What Cloudflare does is not known. */
  readonly refuseReadOnly: boolean
}

/** Why Cloudflare refuses the rules: one of its errors. */
export class Refused extends Error {
  readonly status: number
  readonly code: number
  readonly pointer: string | undefined
  constructor(status: number, code: number, message: string, pointer?: string) {
    super(message)
    this.status = status
    this.code = code
    this.pointer = pointer
  }
}

export const PHASE = 'http_request_firewall_custom'
const READ_ONLY = ['version', 'last_updated', 'categories']

/** The rules as Cloudflare would store them when `sent` replaces `previous`; throws Refused and then nothing changes. */
export function replaceRules(previous: readonly Rule[], sent: unknown, limits: RuleLimits, now: Date): Rule[] {
  if (!Array.isArray(sent)) throw new Refused(400, 20001, 'invalid JSON: cannot unmarshal value into field rules')
  const rules = sent.map((rule, index) => checkRule(rule, index, limits))
  if (rules.length > limits.quota) {
    const count = `${rules.length} out of ${limits.quota}`
    throw new Refused(400, 50001, `exceeded the maximum number of rules in the phase ${PHASE}: ${count}`)
  }
  const stored = rules.map((rule) => storeRule(previous, rule, now))
  for (const key of ['id', 'ref'] as const) {
    const seen = new Set<unknown>()
    for (const [index, rule] of stored.entries()) {
      if (seen.has(rule[key])) {
        const text = `'${rule[key]}' is not a valid value for ${key} because it is not unique in the ruleset`
        throw new Refused(400, 20120, text, `/rules/${index}/${key}`)
      }
      seen.add(rule[key])
    }
  }
  return stored
}

function checkRule(rule: unknown, index: number, limits: RuleLimits): Rule {
  const at = `/rules/${index}`
  if (typeof rule !== 'object' || rule === null || Array.isArray(rule))
    throw new Refused(400, 20001, 'invalid JSON: cannot unmarshal value into a rule', at)
  const fields = rule as Record<string, unknown>
  if (limits.refuseReadOnly) {
    const field = READ_ONLY.find((name) => name in fields)
    if (field) throw new Refused(400, 20001, `invalid JSON: unknown field "${field}"`, `${at}/${field}`)
  }
  if (typeof fields.action !== 'string' || fields.action === '')
    throw new Refused(400, 20116, 'action is required', `${at}/action`)
  for (const name of ['id', 'ref', 'description'])
    if (fields[name] !== undefined && typeof fields[name] !== 'string')
      throw new Refused(400, 20001, `invalid JSON: cannot unmarshal value into field ${name}`, `${at}/${name}`)
  if (fields.ref === '') throw new Refused(400, 20120, `'' is not a valid value for ref`, `${at}/ref`)
  if (fields.enabled !== undefined && typeof fields.enabled !== 'boolean')
    throw new Refused(400, 20001, 'invalid JSON: cannot unmarshal value into field enabled', `${at}/enabled`)
  checkExpression(fields.expression, `${at}/expression`, limits)
  return fields
}

function checkExpression(expression: unknown, pointer: string, limits: RuleLimits): void {
  if (expression === undefined || expression === '') {
    const text = `'' is not a valid value for expression because the expression cannot be blank`
    throw new Refused(400, 20125, text, pointer)
  }
  if (typeof expression !== 'string')
    throw new Refused(400, 20001, 'invalid JSON: cannot unmarshal value into field expression', pointer)
  const wrong = `'${expression}' is not a valid value for expression because`
  if ([...expression].length > limits.expressionLimit) {
    const text = `${wrong} the expression is longer than the maximum of ${limits.expressionLimit} characters`
    throw new Refused(400, 20126, text, pointer)
  }
  const error = parseFilter(expression, limits)
  if (error !== null) throw new Refused(400, 20127, `${wrong} could not parse filter expression: ${error}`, pointer)
}

/** The same id, else the same ref, is the same rule: it keeps its id, and its version unless something changed. */
function storeRule(previous: readonly Rule[], sent: Rule, now: Date): Rule {
  const { version: _v, last_updated: _l, categories: _c, position: _p, ...fields } = sent
  const old =
    previous.find((rule) => sent.id !== undefined && rule.id === sent.id) ??
    previous.find((rule) => sent.ref !== undefined && rule.ref === sent.ref)
  const id = old?.id ?? randomBytes(16).toString('hex')
  const content: Record<string, unknown> = { ...fields, id, ref: sent.ref ?? id, enabled: sent.enabled ?? true }
  if (!old) return { ...content, version: '1', last_updated: stamp(now) }
  const { version, last_updated: _ol, ...oldContent } = old
  if (isDeepStrictEqual(oldContent, content)) return old
  return { ...content, version: String(Number(version) + 1), last_updated: stamp(now) }
}

/** Cloudflare writes microseconds. */
export function stamp(now: Date): string {
  return now.toISOString().replace('Z', '000Z')
}
