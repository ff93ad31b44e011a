import { PermanentError, RefusedError, RetryLaterError } from '../errors.ts'
import type { Rule, Ruleset } from '../ports.ts'

export interface Envelope {
  readonly status: number
  readonly result: unknown
  /** All that it says; null: it is no JSON object. */
  readonly json: Record<string, unknown> | null
  /** Cloudflare's own error codes. */
  readonly codes: readonly number[]
  /** Status, codes and texts for people, without the token. */
  readonly said: string
  /** null: it succeeded. */
  readonly failure: Error | null
}

/** Whatever Cloudflare answered, unread. */
export interface RawAnswer {
  readonly status: number
  readonly text: string
  readonly retryAfter: string | null
}

/** Cloudflare blocks a token for five minutes at the longest. */
const MAX_RETRY_AFTER_MS = 300_000
/** Without a `retry-after`: a tenth of the five minutes that its limit is counted over. */
const DEFAULT_RETRY_AFTER_MS = 30_000
const RATE_LIMITED = [10100, 10040, 10429]
/** Authentication error, access to the zone, invalid token, invalid header of authorization. */
const UNAUTHORIZED = [10000, 9109, 1000, 6003, 6111]
/** A path that leads nowhere: the zone's id is wrong. */
const NO_ROUTE = [7000, 7003]
/** Request time-out, conflict, too early: nothing is wrong with the request itself. */
const PASSING = [408, 409, 425]

/**
 * Reads `{success, result, errors}` and says what a failure means: whether, and when, trying again can help. `secret` is struck
 * out of whatever Cloudflare says.
 */
export function parseEnvelope(raw: RawAnswer, secret: string): Envelope {
  const json = parseObject(raw.text)
  const { codes, texts } = errorsOf(json)
  const text = shorten(texts.join('; ').replaceAll(secret || '\0', '***'))
  const said = `${raw.status}${codes.length > 0 ? `, code ${codes.join(', ')}` : ''}${text ? `: ${text}` : ''}`
  const answer = { status: raw.status, result: json?.result, json, codes, said }
  if (raw.status >= 200 && raw.status < 300 && json?.success === true) return { ...answer, failure: null }
  return { ...answer, failure: failureOf(raw, answer) }
}

function failureOf(raw: RawAnswer, { json, codes, said }: Omit<Envelope, 'failure'>): Error {
  const has = (list: readonly number[]): boolean => codes.some((code) => list.includes(code))
  if (raw.status === 429 || has(RATE_LIMITED)) {
    const ms = retryAfterMs(raw.retryAfter)
    return new RetryLaterError(`Cloudflare takes no more calls for ${Math.ceil(ms / 1000)} s (${said})`, ms)
  }
  if (has(NO_ROUTE))
    return new RefusedError('cloudflare', `Cloudflare knows no such zone (${said}); check CLOUDFLARE_ZONE_ID`)
  if (raw.status === 401 || raw.status === 403 || has(UNAUTHORIZED)) {
    const mend = 'check that CLOUDFLARE_API_TOKEN is valid and may edit "Zone WAF" of this zone'
    return new RefusedError('cloudflare', `Cloudflare refused the token (${said}); ${mend}`)
  }
  if (json === null) return new Error(`Cloudflare answered ${raw.status} with something that is not its JSON`)
  if (raw.status >= 400 && raw.status < 500 && !PASSING.includes(raw.status))
    return Object.assign(new PermanentError(`Cloudflare refused the request (${said})`), { code: codes[0] })
  return new Error(`Cloudflare failed (${said})`)
}

/** The ruleset in a `result`; throws where its shape is not what the rest relies upon, so that nothing half-read is ever written back. */
export function parseRuleset(result: unknown): Ruleset {
  const { id, version, phase, rules } = asObject(result) ?? {}
  if (typeof id !== 'string' || id === '') throw wrong('a ruleset without an id')
  // Documented as digits in a text; as a number it says the same.
  if (!['string', 'number'].includes(typeof version) || !/^\d{1,15}$/.test(String(version)))
    throw wrong('a version that is no number')
  if (phase !== undefined && phase !== 'http_request_firewall_custom') throw wrong('a ruleset of another phase')
  // Left out where there are none.
  const list = rules ?? []
  if (!Array.isArray(list)) throw wrong('rules that are no list')
  const read = list.map(parseRule)
  if (new Set(read.map((rule) => rule.id)).size < read.length) throw wrong('two rules of one id')
  return { id, version: Number(version), rules: read }
}

function parseRule(value: unknown): Rule {
  const rule = asObject(value)
  if (!rule) throw wrong('a rule that is no object')
  if (typeof rule.id !== 'string' || rule.id === '') throw wrong('a rule without an id')
  for (const name of ['ref', 'expression', 'description', 'action'])
    if (rule[name] !== undefined && typeof rule[name] !== 'string') throw wrong(`a rule whose ${name} is no text`)
  if (rule.enabled !== undefined && typeof rule.enabled !== 'boolean') throw wrong('a rule that is neither on nor off')
  return rule as Rule
}

export function wrong(what: string): Error {
  return new Error(`Cloudflare's answer has an unexpected shape: ${what}`)
}

export function asObject(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    return asObject(JSON.parse(text))
  } catch {
    return null
  }
}

function errorsOf(json: Record<string, unknown> | null): { codes: number[]; texts: string[] } {
  const errors = Array.isArray(json?.errors) ? json.errors.map(asObject) : []
  const codes = errors.map((error) => error?.code).filter((code) => typeof code === 'number')
  const texts = errors.map((error) => error?.message).filter((text) => typeof text === 'string')
  return { codes, texts }
}

/** Cloudflare repeats a whole expression before it says what is wrong with it: both ends are kept. */
function shorten(text: string): string {
  return text.length <= 600 ? text : `${text.slice(0, 200)} … ${text.slice(-400)}`
}

function retryAfterMs(header: string | null): number {
  const seconds = header !== null && /^\d+$/.test(header.trim()) ? Number(header) : null
  if (seconds === null) return DEFAULT_RETRY_AFTER_MS
  return Math.min(MAX_RETRY_AFTER_MS, Math.max(1_000, seconds * 1000))
}
