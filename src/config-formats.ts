import { isIP } from 'node:net'
import { parseDuration } from './core/duration.ts'

/* How the text of a variable becomes a value; undefined: it cannot. The schema's formats are these functions. */

/** 0: a free one. */
export function parsePort(text: string): number | undefined {
  return parseWhole(text, 0, 65_535)
}

export function parseCount(text: string): number | undefined {
  return parseWhole(text, 1, 1_000_000_000)
}

// Under 64 characters not even the sentinel and one address fit; Cloudflare grants far less than the upper end.
export function parseExpressionLimit(text: string): number | undefined {
  return parseWhole(text, 64, 1_000_000)
}

function parseWhole(text: string, min: number, max: number): number | undefined {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
  return value >= min && value <= max ? value : undefined
}

export function parseSwitch(text: string): boolean | undefined {
  const word = text.toLowerCase()
  if (['on', 'true', '1'].includes(word)) return true
  return ['off', 'false', '0'].includes(word) ? false : undefined
}

const UNITS = { b: 1, kb: 1024, mb: 1024 ** 2 } as const
const MAX_SIZE = 256 * UNITS.mb

/** Bytes of `64mb`, `512kb` or a bare number. */
export function parseSize(text: string): number | undefined {
  const [, count, unit = 'b'] = /^(\d{1,10})\s*(b|kb|mb)?$/i.exec(text) ?? []
  const bytes = Number(count) * UNITS[unit.toLowerCase() as keyof typeof UNITS]
  return bytes > 0 && bytes <= MAX_SIZE ? bytes : undefined
}

/** Milliseconds; never for ever. */
export function parseLimitedDuration(text: string): number | undefined {
  return parseDuration(text) ?? undefined
}

/** Milliseconds, or null for ever. */
export function parseEndlessDuration(text: string): number | null | undefined {
  return parseDuration(text)
}

const DAY_MS = 86_400_000

/** Milliseconds from one time to the next, a day at most; 0: never. */
export function parseInterval(text: string): number | undefined {
  if (text === '0' || text === 'off') return 0
  const ms = parseDuration(text) ?? DAY_MS + 1
  return ms <= DAY_MS ? ms : undefined
}

/** Names or ids of rules. */
export function parseRules(text: string): readonly string[] | undefined {
  return parseEach(text, (entry) => (entry.length <= 400 ? parseLine(entry) : undefined))
}

/** The URL of a chat or a monitor as it was given to us: what makes it a secret may stand anywhere in it. */
export function parseSecretUrl(text: string): string | undefined {
  const url = URL.parse(text)
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.hostname === '') return undefined
  return /[\s<>]/.test(text) ? undefined : text
}

/** Liquid; whether it makes sense is known once it is rendered. */
export function parseTemplate(text: string): string | undefined {
  return text.length <= 10_000 ? text : undefined
}

const PLACEHOLDER = /change.?me|replace.?me|^(insert|your)[-_ ]|[<>]/i

/** Somebody else's key as given, unless it was plainly never filled in; what theirs look like is theirs to say. */
export function parseSecret(text: string): string | undefined {
  return text !== '' && !PLACEHOLDER.test(text) && !/\s/.test(text) ? text : undefined
}

// The first that anybody would try.
const GUESSABLE = /^(example|xxxx)|^(secret|password|token)[-_]?\d*$|^(.)\3*$/i

// With 20 failed tries a minute and address, 8 random characters hold for good.
const SHORTEST_OWN_SECRET = 8

// A name ends at the first `=` that still leaves a secret: base64 has its own at the end.
const NAMED = /^([A-Za-z][A-Za-z0-9_.-]{0,31})=(.{2,})$/s

/** Comma-separated secrets, each optionally `name=…`. */
export function parseSecrets(text: string): readonly { readonly name: string; readonly value: string }[] | undefined {
  return parseEach(text, (entry) => {
    const [, name = '', value = entry] = NAMED.exec(entry) ?? []
    const isGood = parseSecret(value) !== undefined && !GUESSABLE.test(value) && value.length >= SHORTEST_OWN_SECRET
    return isGood ? { name, value } : undefined
  })
}

/** An account's id. */
export function parseId(text: string): string | undefined {
  return /^[0-9a-f]{32}$/i.test(text) ? text.toLowerCase() : undefined
}

/** What rules can name behind `$`. */
export function parseListName(text: string): string | undefined {
  return /^[a-z0-9_]{1,50}$/.test(text) ? text : undefined
}

export function parseZones(text: string): readonly { readonly name: string; readonly id: string }[] | undefined {
  const zones = parseEach(text, (entry) => {
    const [, name, id = ''] = /^(?:([A-Za-z0-9][A-Za-z0-9_.-]{0,62})=)?([0-9a-f]{32})$/i.exec(entry) ?? []
    return id === '' ? undefined : { name: name ?? id.toLowerCase(), id: id.toLowerCase() }
  })
  const unique = (key: 'name' | 'id') => new Set(zones?.map((zone) => zone[key])).size === zones?.length
  return unique('name') && unique('id') ? zones : undefined
}

/** Without a slash at its end. */
export function parseHttpUrl(text: string): string | undefined {
  const url = URL.parse(text)
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.hostname === '') return undefined
  if (url.username !== '' || url.password !== '' || /[?#@]/.test(text)) return undefined
  return url.href.replace(/\/+$/, '')
}

export function parseStore(
  text: string,
): { readonly kind: 'embedded' } | { readonly kind: 'redis' | 'postgres'; readonly url: string } | undefined {
  if (text === 'embedded') return { kind: 'embedded' }
  const url = URL.parse(text)
  if (!url || url.hostname === '') return undefined
  if (['redis:', 'rediss:'].includes(url.protocol)) return { kind: 'redis', url: text }
  return ['postgres:', 'postgresql:'].includes(url.protocol) ? { kind: 'postgres', url: text } : undefined
}

export function parseSpaces(text: string): readonly string[] | undefined {
  return parseEach(text, (entry) => (/^[a-z0-9_-]{1,128}$/.test(entry) ? entry : undefined))
}

export function parseHost(text: string): string | undefined {
  return isIP(text) !== 0 || isHostName(text) ? text : undefined
}

export function parseProxies(text: string): readonly string[] | undefined {
  return parseEach(text, (entry) =>
    ['loopback', 'linklocal', 'uniquelocal'].includes(entry) || isPrefix(entry) ? entry : undefined,
  )
}

export function parseAllowlist(text: string): readonly string[] | undefined {
  return parseEach(text, (entry) => (entry === 'self' || isPrefix(entry) || isHostName(entry) ? entry : undefined))
}

export function parseTargets(text: string): readonly string[] | undefined {
  return parseEach(text, (entry) => (isPrefix(entry) || isHostName(entry) ? entry : undefined))
}

export function parseLine(text: string): string | undefined {
  return text.length <= 400 && !/[\p{Cc}\u2028\u2029]/u.test(text) ? text : undefined
}

function isPrefix(entry: string): boolean {
  const [, address = '', length] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? []
  const family = isIP(address)
  return family !== 0 && (length === undefined || Number(length) <= (family === 4 ? 32 : 128))
}

// The last label of a real name is no number, so 10.0.0.300 is a mistyped address and no name.
function isHostName(entry: string): boolean {
  return (
    entry.length <= 253 && /^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?\.?$/i.test(entry)
  )
}

/** The entries of a list: separated by commas or lines, empty ones left out. */
export function entriesOf(text: string): string[] {
  return text.split(/[,\r\n]/).flatMap((entry) => entry.trim() || [])
}

function parseEach<T>(text: string, parse: (entry: string) => T | undefined): readonly T[] | undefined {
  const entries = entriesOf(text)
  const values = entries.flatMap((entry) => parse(entry) ?? [])
  return values.length === entries.length && entries.length > 0 ? values : undefined
}
