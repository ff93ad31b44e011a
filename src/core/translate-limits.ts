import { field, isObject } from './fields.ts'

/** What PostgreSQL cannot store in JSON (NUL, half a surrogate pair) becomes U+FFFD. */
export function clean(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD')
}

/** At most so many bytes as JSON; what was cut ends in an ellipsis, so that it cannot pass for the whole. */
export function clip(text: string, bytes: number): string {
  const whole = clean(text.slice(0, bytes))
  if (whole.length === text.length && size(whole) <= bytes + QUOTES) return whole
  let kept = whole.slice(0, bytes - 3)
  while (size(kept) > bytes - 3 + QUOTES) kept = kept.slice(0, Math.floor(kept.length * 0.9))
  return `${kept.toWellFormed()}…`
}

/** The first of the texts that fit, each cut to `each` characters, and how many were left out. */
export function within(
  texts: readonly string[],
  limit: { readonly each: number; readonly count: number; readonly bytes: number },
): { kept: string[]; left: number } {
  const kept: string[] = []
  let room = limit.bytes
  for (const text of texts) {
    const short = clean(text.length > limit.each ? `${text.slice(0, limit.each - 1)}…` : text)
    room -= size(short) + 1
    if (kept.length === limit.count || room < 0) break
    kept.push(short)
  }
  return { kept, left: texts.length - kept.length }
}

/** What people want to see of an alert: known ECS fields first, then whatever the rule computed. `rest` shares the 8 kB. */
export function readEvidence(value: unknown, rest: unknown): Record<string, string> {
  const doc = isObject(value) && isObject(value._source) ? value._source : value
  const entries: [string, string][] = []
  let room = MAX_ALERT_BYTES - size(rest) - size({ evidence: {} })
  for (const [name, found] of [...known(doc), ...computed(doc)]) {
    const shown = show(found)
    if (entries.length === MAX_ENTRIES) break
    if (shown === '') continue
    const short = clean(shown.length > MAX_ENTRY ? `${shown.slice(0, MAX_ENTRY - 1)}…` : shown)
    room -= size({ [name]: short })
    if (room < 0) break
    entries.push([name, short])
  }
  return Object.fromEntries(entries)
}

/** Somewhat below 8 kB: a queue adds its own few bytes. */
const MAX_ALERT_BYTES = 8000
const MAX_ENTRIES = 20
const MAX_ENTRY = 300
const QUOTES = 2

const EVIDENCE = [
  'kibana.alert.reason',
  'url.original',
  'url.path',
  'user_agent.original',
  'http.request.method',
  'http.response.status_code',
  'host.name',
  'agent.name',
  'source.address',
  'source.geo.country_iso_code',
  'source.as.organization.name',
  'kibana.alert.url',
]

function size(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value))
}

function known(doc: unknown): [string, unknown][] {
  return EVIDENCE.map((path) => [path, field(doc, path)])
}

/** The columns of an ES|QL rule: their names change between versions of a rule, so they are shown, never relied on. */
function computed(doc: unknown): [string, unknown][] {
  if (!isObject(doc)) return []
  const found: [string, unknown][] = []
  for (const [key, value] of Object.entries(doc)) {
    if (key === 'Esql' || key.startsWith('Esql.')) leaves(key, value, found, 0)
    if (found.length >= MAX_ENTRIES) break
  }
  return found
}

function leaves(name: string, value: unknown, found: [string, unknown][], depth: number): void {
  if (found.length >= MAX_ENTRIES || name.length > 100) return
  if (!isObject(value) || depth > 5) {
    found.push([clean(name), value])
    return
  }
  for (const [key, inner] of Object.entries(value)) leaves(`${name}.${key}`, inner, found, depth + 1)
}

function show(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (!Array.isArray(value)) return ''
  const shown = value
    .slice(0, 5)
    .map(show)
    .filter((text) => text !== '')
  return value.length > 5 ? `${shown.join(', ')}, … (${value.length})` : shown.join(', ')
}
