import type { Alert } from '../core/alert.ts'
import { parsePayload } from '../core/payload.ts'
import { pickFields, translate } from '../core/translate.ts'
import type { Incomplete } from './receiver-events.ts'
import { Refusal } from './refusal.ts'
import { alertErrors, webhookErrors } from './validate.ts'

/** A body taken apart: every alert in it is in exactly one of the three lists, `index` being its place among them all. */
export interface Intake {
  readonly alerts: readonly Alert[]
  readonly invalid: readonly { readonly index: number; readonly errors: readonly string[] }[]
  readonly skipped: readonly { readonly index: number; readonly reason: string }[]
  readonly incomplete: readonly Incomplete[]
}

/** From a webhook's text to Alerts. Throws a Refusal where there is nothing to take apart. */
export function readWebhook(text: string, spaces: readonly string[]): Intake {
  const parsed = parsePayload(text)
  if (parsed.kind === 'fault') {
    const { kind, message } = parsed.fault
    if (kind === 'too-many') throw new Refusal('too-large', 413, message)
    throw new Refusal(kind, kind === 'no-alerts' ? 422 : 400, message)
  }
  const { payload } = parsed
  const malformed = webhookErrors(payload)

  const alerts: Alert[] = []
  const invalid: { index: number; errors: readonly string[] }[] = []
  const skipped: { index: number; reason: string }[] = []
  for (const [index, raw] of payload.alerts.entries()) {
    const picked = pickFields(raw.value)
    const errors = picked === null ? (malformed.get(index) ?? ['must be object']) : alertErrors(picked)
    const translated =
      picked === null || errors.length > 0 ? { kind: 'invalid' as const, errors } : translate(picked, raw, spaces)
    if (translated.kind === 'alert') alerts.push(translated.alert)
    else if (translated.kind === 'skipped') skipped.push({ index, reason: translated.reason })
    else invalid.push({ index, errors: translated.errors.map((error) => `${raw.path || '/'}: ${error}`) })
  }
  return { alerts, invalid, skipped, incomplete: payload.envelopes.flatMap(incompleteOf) }
}

function incompleteOf({
  total,
  arrived,
  rule,
}: {
  total: number | null
  arrived: number
  rule: RuleNames
}): Incomplete[] {
  return total !== null && total > arrived ? [{ total, arrived, rule: rule.name ?? rule.ruleId ?? rule.id ?? '' }] : []
}

interface RuleNames {
  readonly name: string | null
  readonly ruleId: string | null
  readonly id: string | null
}
