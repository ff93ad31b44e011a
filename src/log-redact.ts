const REDACTED = '[redacted]'
const MAX_DEPTH = 12
// Shorter ones would blank half of every line; the configuration refuses those of our own under 8 characters anyway.
const MIN_SECRET = 6

// "Basic licences" is no credential; real ones in base64 have a digit or a sign.
const CREDENTIALS = /\b(Bearer|ApiKey|Basic(?=\S*\s+\S*[0-9=+/]))(\s+|%20|\+)[A-Za-z0-9._~+/=:%-]{6,}/gi
const SCHEMES = /bearer|apikey|basic/i
const URL_CREDENTIALS = /([a-z][a-z0-9+.-]*:\/\/)[^\s/?#@]+@/gi
const SECRET_KEY =
  /^(authorization|proxy-authorization|cookie|set-cookie|password|passwd|.*(secret|token|api[_-]?key))$/i

/**
 * A function that answers the value itself where it is plain and free of secrets, else a copy of it with every secret replaced:
 * the given ones (also as they look in a URL or in base64), whatever follows Bearer, ApiKey or Basic, the user part of URLs, and
 * values under keys that name a secret.
 */
export function createRedactor(secrets: readonly string[]): (value: unknown) => unknown {
  const needles = [...new Set(secrets.filter((secret) => secret.length >= MIN_SECRET).flatMap(disguises))].sort(
    (a, b) => b.length - a.length,
  )
  const text = (value: string) => {
    let clean = value
    for (const needle of needles) if (clean.includes(needle)) clean = clean.replaceAll(needle, REDACTED)
    return clean.replace(CREDENTIALS, `$1$2${REDACTED}`).replace(URL_CREDENTIALS, `$1${REDACTED}@`)
  }
  // Whoever holds a longer needle holds these, too.
  const shortest = needles.filter((needle) => !needles.some((other) => other !== needle && needle.includes(other)))
  const mayHold = (all: string) =>
    shortest.some((needle) => all.includes(needle)) || all.includes('://') || SCHEMES.test(all)
  return (value) => {
    const texts: string[] = []
    return gather(value, texts, 0) && !mayHold(texts.join('\n')) ? value : walk(value, text, [])
  }
}

/**
 * Nearly every line of the log holds no secret, and one look at all of its texts tells. False: it holds something else than
 * plain values too, or a key that names a secret.
 */
function gather(value: unknown, texts: string[], depth: number): boolean {
  if (typeof value === 'string') texts.push(value)
  if (typeof value !== 'object' || value === null) return !UNWRITTEN.has(typeof value)
  if (depth === MAX_DEPTH) return false
  if (Array.isArray(value)) return value.every((entry) => gather(entry, texts, depth + 1))
  if (!PLAIN.has(Object.getPrototypeOf(value))) return false
  for (const key of Object.keys(value)) {
    if (SECRET_KEY.test(key)) return false
    texts.push(key)
    if (!gather((value as Record<string, unknown>)[key], texts, depth + 1)) return false
  }
  return true
}

// What `walk` turns into something else.
const UNWRITTEN = new Set(['bigint', 'function', 'symbol'])
const PLAIN = new Set<unknown>([Object.prototype, null])

function disguises(secret: string): string[] {
  const base64 = Buffer.from(secret).toString('base64')
  return [secret, encodeURIComponent(secret), base64, base64.replace(/=+$/, '')]
}

function walk(value: unknown, text: (value: string) => string, above: readonly object[]): unknown {
  if (typeof value === 'string') return text(value)
  if (typeof value === 'bigint') return text(String(value))
  if (typeof value === 'function' || typeof value === 'symbol') return undefined
  if (value === null || typeof value !== 'object') return value
  if (above.includes(value)) return '[circular]'
  if (above.length >= MAX_DEPTH) return '[too deep]'
  const within = [...above, value]
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString()
  if (value instanceof Error) return walk({ ...value, type: value.name, message: value.message }, text, within)
  if (value instanceof Uint8Array) return `[${value.length} bytes]`
  if (value instanceof Map) return walk(Object.fromEntries(value), text, within)
  if (value instanceof Set) return walk([...value], text, within)
  if (Array.isArray(value)) return value.map((entry) => walk(entry, text, within))
  if (value instanceof URL) return text(value.href)
  const clean: Record<string, unknown> = {}
  for (const [key, entry] of Object.entries(value)) {
    const isSecret = SECRET_KEY.test(key) && typeof entry === 'string' && entry !== ''
    define(clean, text(key), isSecret ? REDACTED : walk(entry, text, within))
  }
  return clean
}

/** Plain assignment to a key named `__proto__` would set the prototype instead. */
function define(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
}
