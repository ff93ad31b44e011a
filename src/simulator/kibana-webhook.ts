import type { Alerts } from './elasticsearch-alerts.ts'

/** `full`: the recommended template, with `context.alerts.asJSON` · `array`: the alerts alone · `each`: the first alert alone. */
export type WebhookForm = 'full' | 'array' | 'each'

/** The body that Kibana's webhook connector sends for these alerts, every field nested as it renders them. */
export function renderWebhook(alerts: Alerts, ids: readonly string[], form: WebhookForm): string {
  const sent = ids.map((id) => {
    const alert = alerts.find(id)
    if (!alert) throw new Error(`The simulated Kibana has no alert ${id}`)
    return { _id: alert.id, _index: alert.index, ...nest(alert.source) }
  })
  if (form === 'array') return JSON.stringify(sent)
  if (form === 'each') return JSON.stringify(sent[0] ?? {})
  const first = alerts.find(ids[0] ?? '')
  return JSON.stringify({
    schema: 'elastic-alerts/1',
    sent_at: new Date().toISOString(),
    space_id: first?.space ?? 'default',
    kibana_url: 'https://kibana.example:5601',
    total: String(ids.length),
    rule: {
      id: String(first?.source['kibana.alert.rule.uuid'] ?? ''),
      rule_id: String(first?.source['kibana.alert.rule.rule_id'] ?? ''),
      name: String(first?.source['kibana.alert.rule.name'] ?? ''),
      type: 'siem.esqlRule',
    },
    results_link: 'https://kibana.example:5601/app/security/rules/id/1',
    alerts: sent,
  })
}

/** Dotted keys made into nested objects, merged with what is nested already. */
function nest(source: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const nested: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(source)) merge(nested, key.split('.'), value)
  return nested
}

function merge(into: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [name = '', ...rest] = path
  if (rest.length > 0) {
    const inner = isObject(into[name]) ? into[name] : {}
    into[name] = inner
    merge(inner, rest, value)
  } else if (isObject(value)) {
    const inner = isObject(into[name]) ? into[name] : {}
    into[name] = inner
    for (const [key, each] of Object.entries(value)) merge(inner, key.split('.'), each)
  } else {
    into[name] = structuredClone(value)
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
