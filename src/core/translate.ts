import type { Alert, Severity } from './alert.ts'
import { fieldValues, isObject, type Json } from './fields.ts'
import { type Envelope, UNRENDERED } from './payload.ts'
import { clean, clip, readEvidence, within } from './translate-limits.ts'

/** The fields that we read of one alert, by their dotted names; those that are absent, null or '' are left out. */
export type Picked = Json

export type Translated =
  | { readonly kind: 'alert'; readonly alert: Alert }
  | { readonly kind: 'skipped'; readonly reason: 'building-block' }
  | { readonly kind: 'invalid'; readonly errors: readonly string[] }

/** Reads an alert as Elastic or the slim template spells it; null when it is no object. `schemas/alert.schema.json` checks the result. */
export function pickFields(value: unknown): Picked | null {
  if (!isObject(value)) return null
  // What Elasticsearch answers keeps `_id` and `_index` beside the document.
  const docs = isObject(value._source) ? [value._source, value] : [value]
  const picked: Record<string, unknown> = {}
  for (const path of SINGLE) {
    const [found] = docs.flatMap((doc) => fieldValues(doc, path, 1))
    if (found !== undefined) picked[path] = found
  }
  for (const path of LISTS) {
    const found = docs.flatMap((doc) => fieldValues(doc, path, MAX_VALUES))
    if (found.length > 0) picked[path] = found
  }
  // A template may say plain `id`; in a whole alert that is some field of the event.
  if (picked._id === undefined && picked['kibana.alert.uuid'] === undefined && typeof value.id === 'string') {
    picked._id = value.id
  }
  return picked
}

/** Turns picked fields into an Alert of at most 8 kB. `spaces` are the allowed ones, the default first. */
export function translate(
  picked: Picked,
  { value, envelope }: { readonly value: unknown; readonly envelope: Envelope },
  spaces: readonly string[],
): Translated {
  if (picked['kibana.alert.building_block_type'] !== undefined) return { kind: 'skipped', reason: 'building-block' }

  const id = text(picked, ['_id', 'kibana.alert.uuid'])
  if (id === null) return invalid('neither _id nor kibana.alert.uuid says which alert this is')
  if (id.startsWith('{{')) return invalid(UNRENDERED)
  if (Buffer.byteLength(id) > MAX_ID_BYTES) return invalid(`_id is longer than ${MAX_ID_BYTES} bytes`)

  const index = text(picked, ['_index']) ?? ''
  const space = findSpace(picked, envelope, index, spaces)
  if (!spaces.includes(space)) {
    return invalid(`its space "${clip(space, 100)}" is not one of ELASTIC_SPACE (${spaces.join(', ')})`)
  }

  const eventTime = time(picked, ['kibana.alert.original_time', 'original_time', 'signal.original_time'])
  const tags = [...list(picked, 'kibana.alert.rule.tags'), ...list(picked, 'signal.rule.tags')]
  const base = {
    id: clean(id),
    index: clip(index, 300),
    space,
    rule: {
      id: clip(text(picked, RULE_ID) ?? envelope.rule.id ?? '', 200),
      ruleId: clip(text(picked, RULE_RULE_ID) ?? envelope.rule.ruleId ?? '', 200),
      name: clip(text(picked, RULE_NAME) ?? envelope.rule.name ?? '', 400),
      tags: within(tags.length > 0 ? unique(tags) : envelope.rule.tags, { each: 100, count: 50, bytes: 1500 }).kept,
    },
    severity: severity(text(picked, SEVERITY) ?? envelope.rule.severity),
    time: eventTime ?? time(picked, ['@timestamp']),
    run: run(text(picked, ['kibana.alert.rule.execution.type', 'execution_type'])),
    eventTime: eventTime !== null,
    suspects: readSuspects(picked),
  }
  return { kind: 'alert', alert: { ...base, evidence: readEvidence(value, base) } }
}

/** Elasticsearch's own limit. */
const MAX_ID_BYTES = 512

/** More addresses than an alert can carry. */
const MAX_VALUES = 1000

const RULE_ID = ['kibana.alert.rule.uuid', 'signal.rule.id']
const RULE_RULE_ID = [
  'kibana.alert.rule.rule_id',
  'kibana.alert.rule.parameters.rule_id',
  'signal.rule.rule_id',
  'rule_id',
]
const RULE_NAME = ['kibana.alert.rule.name', 'signal.rule.name']
const SEVERITY = ['kibana.alert.severity', 'severity', 'kibana.alert.rule.severity', 'signal.rule.severity']

const SINGLE = [
  '_id',
  '_index',
  '@timestamp',
  'kibana.alert.uuid',
  'kibana.alert.building_block_type',
  'kibana.alert.original_time',
  'kibana.alert.rule.execution.type',
  ...RULE_ID,
  ...RULE_RULE_ID,
  ...RULE_NAME,
  ...SEVERITY,
  'signal.original_time',
  'original_time',
  'execution_type',
]

const LISTS = ['kibana.space_ids', 'kibana.alert.rule.tags', 'signal.rule.tags', 'source.ip', 'source_ip']

function text(picked: Picked, paths: readonly string[]): string | null {
  for (const path of paths) {
    const value = picked[path]
    if (typeof value === 'string' && value !== '') return value
  }
  return null
}

function list(picked: Picked, path: string): string[] {
  const values = picked[path]
  return Array.isArray(values) ? values.filter((value) => typeof value === 'string') : []
}

function invalid(error: string): Translated {
  return { kind: 'invalid', errors: [error] }
}

function findSpace(picked: Picked, envelope: Envelope, index: string, spaces: readonly string[]): string {
  const own = list(picked, 'kibana.space_ids')
  if (own.length > 0) return own.find((space) => spaces.includes(space)) ?? (own[0] as string)
  return envelope.space ?? SPACE_OF_INDEX.exec(index)?.groups?.space ?? spaces[0] ?? 'default'
}

/** `.internal.alerts-security.alerts-<space>-000001`, its alias, and `.siem-signals-<space>-000001` of before 8.0. */
const SPACE_OF_INDEX =
  /^\.(?:(?:internal\.)?(?:preview\.)?alerts-security\.alerts|siem-signals)-(?<space>.+?)(?:-\d{6,})?$/

function time(picked: Picked, paths: readonly string[]): string | null {
  for (const path of paths) {
    const value = picked[path]
    const date = new Date(typeof value === 'string' ? utc(value) : typeof value === 'number' ? value : Number.NaN)
    if (!Number.isNaN(date.getTime())) return date.toISOString()
  }
  return null
}

/** Without a zone it is UTC, as in Elasticsearch; '' when it is no ISO 8601. */
function utc(value: string): string {
  const parts = ISO_DATE.exec(value)
  if (parts === null) return ''
  return parts.groups?.clock !== undefined && parts.groups.zone === undefined ? `${value}Z` : value
}

const ISO_DATE = /^\d{4}-\d\d-\d\d(?<clock>T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)?(?<zone>Z|[+-]\d\d:?\d\d)?$/

function severity(value: string | null): Severity | null {
  return value === 'low' || value === 'medium' || value === 'high' || value === 'critical' ? value : null
}

function run(value: string | null): Alert['run'] {
  return value === 'scheduled' || value === 'manual' ? value : null
}

/**
 * Every address the alert names, as the text that arrived. What does not fit is counted in a last entry that no parser
 * takes for an address: an alert of which we know only a part must not pass for dealt with.
 */
function readSuspects(picked: Picked): string[] {
  const values = picked['source.ip'] ?? picked.source_ip
  const read = Array.isArray(values) ? values : []
  const all = unique([...read.flatMap(addresses), ...(read.length < MAX_VALUES ? [] : [UNREAD])])
  const { kept, left } = within(all, { each: 100, count: all.length > 50 ? 49 : 50, bytes: 3500 })
  return left === 0 ? kept : [...kept, `(and ${left} more)`]
}

/** Mustache joins several addresses by commas. */
function addresses(value: unknown): string[] {
  if (typeof value !== 'string') return [jsonText(value)]
  if (!value.includes(',')) return [value]
  const parts = value.split(',', MAX_VALUES + 1)
  const read = parts.slice(0, MAX_VALUES).map((part) => part.trim())
  return [...read, parts.length > MAX_VALUES ? UNREAD : ''].filter((part) => part !== '')
}

/** Where reading stopped at its limit, others may be behind it. */
const UNREAD = '(and more)'

function jsonText(value: unknown): string {
  return JSON.stringify(value) ?? typeof value
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)]
}
