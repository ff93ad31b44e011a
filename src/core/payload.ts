import { field, isObject, type Json } from './fields.ts'
import { type JsonFault, parseJsonValues } from './payload-json.ts'

/** What a webhook's body holds, before anything is known to be valid. */
export interface Payload {
  readonly alerts: readonly RawAlert[]
  readonly envelopes: readonly Envelope[]
}

export interface RawAlert {
  /** Where in the body it stands, as a JSON pointer ('' for the whole body). */
  readonly path: string
  readonly value: unknown
  readonly envelope: Envelope
}

/** What the body says about all of its alerts; null: nothing. */
export interface Envelope {
  readonly space: string | null
  readonly rule: {
    readonly id: string | null
    readonly ruleId: string | null
    readonly name: string | null
    readonly tags: readonly string[]
    readonly severity: string | null
  }
  /** How many alerts the rule run raised, by Kibana's count. */
  readonly total: number | null
  readonly sentAt: string | null
  /** How many alerts arrived with it. */
  readonly arrived: number
}

/**
 * `template-error`: Kibana could not render the body's template and sent the error's text. `unrendered`: the template
 * itself arrived. `no-alerts`: good JSON in which no alert can be found.
 * `too-many`: more than any Kibana sends at once (5,000).
 */
export interface PayloadFault {
  readonly kind: 'not-json' | 'template-error' | 'unrendered' | 'no-alerts' | 'too-many'
  readonly message: string
}

export type ParsedPayload =
  | { readonly kind: 'payload'; readonly payload: Payload }
  | { readonly kind: 'fault'; readonly fault: PayloadFault }

export const UNRENDERED =
  'The connection works, but the template in the body is not filled in: the Test tab of a Kibana connector sends ' +
  'the text as it stands. Let a rule run to see a real delivery.'

/**
 * Finds the alerts in a body, in every shape that Kibana's templates, an Elastic Workflow or a person with curl can give
 * it: an array or a text under `alerts`, `alerts_json`, `context.alerts`, `alerts.all.data`, `alerts.new.data` or
 * `event.alerts`; one bare alert; an array of them; several documents one after the other. A blank body holds none.
 */
export function parsePayload(text: string): ParsedPayload {
  const failed = TEMPLATE_ERROR.exec(text)
  if (failed !== null) return fault('template-error', `Kibana could not render the body: ${cut(text.trim())}`)

  const parsed = parseJsonValues(text)
  if (parsed.kind === 'fault') return textFault(text, parsed.fault, 'The body is ')

  const alerts: RawAlert[] = []
  const envelopes: Envelope[] = []
  for (const [position, value] of parsed.values.entries()) {
    const found = findAlerts(value, parsed.values.length === 1 ? '' : `/${position}`)
    if (found.kind === 'fault') return found
    const envelope = readEnvelope(found.source, found.alerts.length)
    envelopes.push(envelope)
    if (alerts.length + found.alerts.length > MAX_ALERTS) {
      return fault('too-many', `More than ${MAX_ALERTS} alerts in one body: send them in several.`)
    }
    for (const alert of found.alerts) alerts.push({ ...alert, envelope })
  }
  return { kind: 'payload', payload: { alerts, envelopes } }
}

const MAX_ALERTS = 10_000

/** At the start only: attackers choose what stands inside of alerts. */
const TEMPLATE_ERROR = /^\s*error rendering mustache template /

type Placed = Pick<RawAlert, 'path' | 'value'>
type Found =
  | { readonly kind: 'found'; readonly alerts: readonly Placed[]; readonly source: unknown }
  | { readonly kind: 'fault'; readonly fault: PayloadFault }

function findAlerts(value: unknown, path: string): Found {
  if (typeof value === 'string') {
    const inner = expand(value, path)
    if (inner.kind === 'fault' || inner.alerts.length !== 1) return inner
    const [only] = inner.alerts
    // A whole body that was made a JSON string once too often.
    return isObject(only?.value) ? findAlerts(only.value, path) : inner
  }
  if (Array.isArray(value)) return expand(value, path)
  if (!isObject(value)) return fault('no-alerts', `Expected an object or an array${where(path)}, got ${kindOf(value)}.`)
  // Before the lists: an event that was copied into an alert may have any field.
  if (isAlert(value)) return { kind: 'found', alerts: [{ path, value }], source: null }

  const source = field(value, 'event.alerts') === undefined ? value : field(value, 'event')
  const lists = ALERT_LISTS.map((name) => ({ name, list: field(value, name) })).filter(({ list }) => list !== undefined)
  const chosen = lists.find(({ list }) => holdsAlerts(list)) ?? lists[0]
  if (chosen === undefined) {
    return fault('no-alerts', `No alerts${where(path)}: expected them under "alerts", or an alert with "_id".`)
  }
  const found = expand(chosen.list, `${path}/${chosen.name.replaceAll('.', '/')}`)
  return found.kind === 'fault' ? found : { ...found, source: source ?? value }
}

/** The more exact path first: `alerts` itself is the one in which `alerts.all.data` lies. */
const ALERT_LISTS = [
  'alerts.all.data',
  'alerts.new.data',
  'alerts',
  'alerts_json',
  'context.alerts',
  'event.alerts.all.data',
  'event.alerts.new.data',
  'event.alerts',
]

function isAlert(value: Json): boolean {
  return ['_id', '_source', 'kibana.alert.uuid', 'signal.rule'].some((path) => field(value, path) !== undefined)
}

/** False for what is empty, and for an object around other lists. */
function holdsAlerts(list: unknown): boolean {
  if (isObject(list)) return isAlert(list)
  return list !== '' && !(Array.isArray(list) && list.length === 0)
}

/** The alerts of an array, of one object, or of a text that holds either, or `{…},{…}`; null ends the slim template. */
function expand(list: unknown, path: string): Found {
  let values: unknown = list
  if (typeof list === 'string') {
    const parsed = parseJsonValues(list)
    if (parsed.kind === 'fault') return textFault(list, parsed.fault, `The text${where(path)} is `)
    values = parsed.values.length === 1 ? parsed.values[0] : parsed.values
  }
  if (!Array.isArray(values)) return { kind: 'found', alerts: [{ path, value: values }], source: null }
  const alerts: Placed[] = []
  for (const [index, value] of values.entries()) if (value !== null) alerts.push({ path: `${path}/${index}`, value })
  return { kind: 'found', alerts, source: null }
}

function readEnvelope(source: unknown, arrived: number): Envelope {
  return {
    space: firstText(source, ['space_id', 'spaceId', 'rule.spaceId', 'rule.space_id']),
    rule: {
      id: firstText(source, ['rule.id', 'context.rule.id']),
      ruleId: firstText(source, ['rule.rule_id', 'context.rule.rule_id', 'rule.params.ruleId']),
      name: firstText(source, ['rule.name', 'context.rule.name']),
      tags: readTags(field(source, 'rule.tags') ?? field(source, 'context.rule.tags')),
      severity: firstText(source, ['rule.severity', 'context.rule.severity']),
    },
    total: readCount(source),
    sentAt: firstText(source, ['sent_at', 'date']),
    arrived,
  }
}

function firstText(source: unknown, paths: readonly string[]): string | null {
  for (const path of paths) {
    const value = field(source, path)
    if (typeof value === 'string' && value !== '') return value
  }
  return null
}

/** `{{rule.tags}}` renders an array joined by commas. */
function readTags(value: unknown): string[] {
  const tags = typeof value === 'string' ? value.split(',').map((tag) => tag.trim()) : Array.isArray(value) ? value : []
  return tags.filter((tag) => typeof tag === 'string' && tag !== '')
}

function readCount(source: unknown): number | null {
  for (const path of ['total', 'state.signals_count', 'alerts.all.count', 'alerts.new.count']) {
    const value = field(source, path)
    const count = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value
    if (typeof count === 'number' && Number.isSafeInteger(count) && count >= 0) return count
  }
  return null
}

function textFault(text: string, { offset, message }: JsonFault, intro: string): Found & { kind: 'fault' } {
  // JSON never has two opening braces in a row outside of a string, a template always does.
  if (text.slice(offset - 1, offset + 1) === '{{') return fault('unrendered', `${UNRENDERED} (${intro}${message})`)
  return fault('not-json', `${intro}${message}.`)
}

function fault(kind: PayloadFault['kind'], message: string): Found & { kind: 'fault' } {
  return { kind: 'fault', fault: { kind, message } }
}

function where(path: string): string {
  return path === '' ? '' : ` at ${path}`
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : typeof value
}

function cut(text: string): string {
  return text.length > 500 ? `${text.slice(0, 500).toWellFormed()}…` : text
}
