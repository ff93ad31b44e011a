import { isIP } from 'node:net'
import type { Alert } from './core/alert.ts'
import type { LogFields } from './log.ts'

/** Whatever names an address: its canonical text, a ban, a parsed address. */
export type Addressed = string | { readonly address: string } | { readonly text: string }

const MAX_LISTED = 50
const MAX_TEXT = 300

/** The fields of one event: what happened, how it went, why, then whatever belongs to it. */
export function event(
  action: string,
  outcome: 'success' | 'failure' | 'unknown',
  ...more: readonly LogFields[]
): LogFields {
  return Object.assign(
    { 'event.kind': 'event', 'event.action': action, 'event.outcome': outcome },
    ...more,
  ) as LogFields
}

export function because(reason: string): LogFields {
  return reason === '' ? {} : { 'event.reason': brief(reason) }
}

/** Low detail that has no field of its own in ECS; empty values are left out. */
export function labels(values: Readonly<Record<string, string | number | boolean | null>>): LogFields {
  const kept = Object.entries(values).filter(([, value]) => value !== null && value !== '')
  return kept.length === 0
    ? {}
    : {
        labels: Object.fromEntries(kept.map(([key, value]) => [key, typeof value === 'string' ? brief(value) : value])),
      }
}

export function alertFields(alert: Alert): LogFields {
  const { rule, suspects } = alert
  const ips = suspects.filter(isPlainAddress)
  return {
    'event.id': alert.id,
    'rule.id': rule.ruleId,
    'rule.uuid': rule.id,
    'rule.name': brief(rule.name),
    ...(ips.length === 0 ? {} : { 'source.ip': ips[0], 'related.ip': ips.slice(0, MAX_LISTED) }),
  }
}

/** Addresses of an event; `related.ip` takes plain ones only, for Elasticsearch refuses a line with anything else there. */
export function addressFields(addresses: readonly Addressed[]): LogFields {
  const texts = addresses.map(textOf)
  const plain = texts.map((text) => text.split('/', 1)[0] ?? '').filter(isPlainAddress)
  return plain.length === 0 ? {} : { 'related.ip': plain.slice(0, MAX_LISTED) }
}

/** For the message: `192.0.2.1, 192.0.2.2 and 8 more`. */
export function listed(addresses: readonly Addressed[], most = 5): string {
  const texts = addresses.map((address) => brief(textOf(address)))
  if (texts.length === 0) return 'nothing'
  const rest = texts.length - most
  return rest > 0 ? `${texts.slice(0, most).join(', ')} and ${rest} more` : texts.join(', ')
}

export function textOf(address: Addressed): string {
  if (typeof address === 'string') return address
  return 'address' in address ? address.address : address.text
}

export function brief(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text
}

/** `1 ban`, `2 bans`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : noun.endsWith('s') ? 'es' : 's'}`
}

function isPlainAddress(text: string): boolean {
  return isIP(text) !== 0 && !text.includes('%')
}
