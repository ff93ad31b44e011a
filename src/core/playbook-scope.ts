import type { Alert } from './alert.ts'
import type { Playbook } from './playbook.ts'

/** What the templates of a playbook see; the names are those of an Elastic Workflow. */
export interface StepScope {
  readonly event: {
    readonly alerts: readonly [Readonly<Record<string, unknown>>]
    readonly rule: { readonly id: string; readonly name: string; readonly tags: readonly string[] }
    readonly spaceId: string
  }
  readonly consts: Readonly<Record<string, unknown>>
  readonly steps: Readonly<Record<string, { readonly output: unknown }>>
}

/** `checkpoints`: outputs of finished steps, by step name. */
export function stepScope(
  alert: Alert,
  playbook: Pick<Playbook, 'consts'>,
  checkpoints: Readonly<Record<string, unknown>>,
): StepScope {
  const { id, name, tags } = alert.rule
  return {
    event: { alerts: [alertDocument(alert)], rule: { id, name, tags }, spaceId: alert.space },
    consts: playbook.consts,
    steps: Object.fromEntries(Object.entries(checkpoints).map(([step, output]) => [step, { output }])),
  }
}

/** Whether a condition or a template of the playbook may look at the alert's evidence; nothing else does. */
export function readsEvidence({ steps }: Pick<Playbook, 'steps'>): boolean {
  return steps.some((step) => step.if !== null || step.type === 'http')
}

/** The alert as it looks in Elastic, as far as we kept it: nested, with the evidence at its own fields. */
function alertDocument(alert: Alert): Record<string, unknown> {
  const document: Record<string, unknown> = {}
  for (const [field, value] of Object.entries(alert.evidence)) place(document, field.split('.'), value)
  const known: Record<string, unknown> = {
    _id: alert.id,
    _index: alert.index,
    'source.ip': alert.suspects.length === 1 ? alert.suspects[0] : alert.suspects,
    'kibana.space_ids': [alert.space],
    'kibana.alert.uuid': alert.id,
    'kibana.alert.severity': alert.severity,
    'kibana.alert.rule.uuid': alert.rule.id,
    'kibana.alert.rule.rule_id': alert.rule.ruleId,
    'kibana.alert.rule.name': alert.rule.name,
    'kibana.alert.rule.tags': alert.rule.tags,
    ...(alert.run === null ? {} : { 'kibana.alert.rule.execution.type': alert.run }),
    ...(alert.time === null
      ? {}
      : { [alert.eventTime ? 'kibana.alert.original_time' : 'kibana.alert.start']: alert.time }),
  }
  for (const [field, value] of Object.entries(known)) place(document, field.split('.'), value)
  if (alert.time !== null) document['@timestamp'] = alert.time
  return document
}

/** Later values win; where one field is the beginning of another, both cannot be there, and the later one is. */
function place(document: Record<string, unknown>, path: readonly string[], value: unknown): void {
  if (path.some((name) => name === '__proto__')) return
  let here = document
  for (const name of path.slice(0, -1)) {
    const next = Object.hasOwn(here, name) ? here[name] : undefined
    if (typeof next === 'object' && next !== null && !Array.isArray(next)) here = next as Record<string, unknown>
    else {
      const made: Record<string, unknown> = {}
      here[name] = made
      here = made
    }
  }
  here[path.at(-1) ?? ''] = value
}
