import type { StoredAlert } from './elasticsearch-alerts.ts'

/** A query that this simulator does not know: Elasticsearch would answer 400. */
export class UnknownQuery extends Error {}

/** Whether the alert matches; knows match_all, ids, term, terms, prefix, exists, range and bool. */
export function matchesQuery(query: unknown, alert: StoredAlert): boolean {
  const entries = Object.entries((query ?? { match_all: {} }) as Record<string, unknown>)
  const [kind, body] = entries[0] ?? []
  if (entries.length !== 1 || kind === undefined) throw new UnknownQuery('a query must have exactly one clause')
  if (kind === 'match_all') return true
  if (kind === 'ids') return list((body as { values?: unknown }).values).includes(alert.id)
  if (kind === 'bool') return bool(body as Record<string, unknown>, alert)
  if (kind === 'exists') return valuesOf(alert, String((body as { field?: unknown }).field)).length > 0
  const [field, given] = Object.entries(body as Record<string, unknown>).filter(([name]) => name !== 'boost')[0] ?? [
    '',
    null,
  ]
  const values = valuesOf(alert, field)
  switch (kind) {
    case 'term':
      return values.includes(valueIn(given, 'value'))
    case 'terms':
      return list(given).some((each) => values.includes(each))
    case 'prefix':
      return values.some((value) => String(value).startsWith(String(valueIn(given, 'value'))))
    case 'range':
      return values.some((value) => inRange(value, given as Record<string, unknown>))
    default:
      throw new UnknownQuery(`unknown query [${kind}]`)
  }
}

/** The values of a field, wherever the document has it: under a dotted key, nested, or some of each. */
export function valuesOf(alert: StoredAlert, field: string): unknown[] {
  if (field === '_id') return [alert.id]
  return valuesAt(alert.source, field).flat()
}

/** `_source` with only the wanted fields, each where it stood. */
export function filterSource(source: Record<string, unknown>, wanted: unknown): Record<string, unknown> | undefined {
  if (wanted === undefined || wanted === true) return source
  if (wanted === false) return undefined
  const { includes, excludes } = (
    typeof wanted === 'object' && !Array.isArray(wanted) ? wanted : { includes: wanted }
  ) as {
    includes?: unknown
    excludes?: unknown
  }
  const kept = includes === undefined ? source : pick(source, '', patternsOf(includes))
  return excludes === undefined ? kept : omit(kept, '', patternsOf(excludes))
}

function patternsOf(fields: unknown): RegExp[] {
  return list(fields).map((each) => new RegExp(`^${String(each).replaceAll('.', '\\.').replaceAll('*', '.*')}(\\.|$)`))
}

function omit(node: Record<string, unknown>, above: string, patterns: readonly RegExp[]): Record<string, unknown> {
  const kept = Object.entries(node).filter(([key]) => !patterns.some((pattern) => pattern.test(above + key)))
  return Object.fromEntries(
    kept.map(([key, value]) => [
      key,
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? omit(value as Record<string, unknown>, `${above}${key}.`, patterns)
        : value,
    ]),
  )
}

function bool(body: Record<string, unknown>, alert: StoredAlert): boolean {
  const all = (name: string): unknown[] => list(body[name])
  const should = all('should')
  return (
    [...all('filter'), ...all('must')].every((query) => matchesQuery(query, alert)) &&
    !all('must_not').some((query) => matchesQuery(query, alert)) &&
    (should.length === 0 || should.some((query) => matchesQuery(query, alert)))
  )
}

function inRange(value: unknown, range: Record<string, unknown>): boolean {
  const at = moment(value)
  const { gte, gt, lte, lt } = range
  return (
    (gte === undefined || at >= moment(gte)) &&
    (gt === undefined || at > moment(gt)) &&
    (lte === undefined || at <= moment(lte)) &&
    (lt === undefined || at < moment(lt))
  )
}

const UNITS: Readonly<Record<string, number>> = { s: 1e3, m: 6e4, h: 3.6e6, d: 8.64e7, w: 6.048e8 }

/** Numbers, dates, and date maths of the form `now-24h`. */
/** Milliseconds of a date, or of date math like `now-1d`. */
export function moment(value: unknown): number {
  if (typeof value === 'number') return value
  const [, sign, count, unit = ''] = /^now(?:([+-])(\d+)([smhdw]))?$/.exec(String(value)) ?? []
  if (String(value).startsWith('now')) return Date.now() + Number(`${sign ?? ''}${count ?? 0}`) * (UNITS[unit] ?? 0)
  const at = Date.parse(String(value))
  if (Number.isNaN(at)) throw new UnknownQuery(`failed to parse date field [${value}]`)
  return at
}

function valuesAt(node: unknown, field: string): unknown[] {
  if (Array.isArray(node)) return node.flatMap((each) => valuesAt(each, field))
  if (typeof node !== 'object' || node === null) return []
  return Object.entries(node).flatMap(([key, value]) => {
    if (key === field) return value === null ? [] : [value]
    return field.startsWith(`${key}.`) ? valuesAt(value, field.slice(key.length + 1)) : []
  })
}

function pick(node: Record<string, unknown>, above: string, patterns: readonly RegExp[]): Record<string, unknown> {
  const kept: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(node)) {
    const path = above + key
    if (patterns.some((pattern) => pattern.test(path))) kept[key] = value
    else if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      const inner = pick(value as Record<string, unknown>, `${path}.`, patterns)
      if (Object.keys(inner).length > 0) kept[key] = inner
    }
  }
  return kept
}

function valueIn(given: unknown, name: string): unknown {
  return typeof given === 'object' && given !== null ? (given as Record<string, unknown>)[name] : given
}

function list(value: unknown): unknown[] {
  if (value === undefined || value === null) return []
  return Array.isArray(value) ? value : [value]
}
