import { randomUUID } from 'node:crypto'

/** Alert documents as Elastic Security keeps them, shared by the simulated Elasticsearch and Kibana. */
export interface Alerts {
  /** Puts an alert in and gives its id. Framework fields have dotted keys, fields of the event are nested. */
  add(alert?: AlertSketch): string
  ids(): string[]
  find(id: string): StoredAlert | null
  /** null: no such alert. */
  status(id: string): string | null
  tags(id: string): string[]
  /** An analyst sets a status, or tags. */
  setStatus(id: string, status: string): void
  setTags(id: string, tags: readonly string[]): void
  /** Every change of a status, oldest first, also those by analysts. */
  readonly changes: StatusChange[]
  /** Called at the moment of each change of a status, before its answer is sent. */
  onChange(listener: (change: StatusChange) => void): void
  /** Changes an alert, remembering what became of its status. */
  update(id: string, by: StatusChange['by'], change: (source: Record<string, unknown>) => void): void
}

export interface AlertSketch {
  readonly id?: string
  readonly space?: string
  /** `source.ip`; null: an alert without one. */
  readonly sourceIp?: unknown
  readonly status?: string
  readonly ruleName?: string
  readonly ruleId?: string
  /** ISO 8601; absent: now. */
  readonly time?: string
  /** Fields put over the made ones. */
  readonly fields?: Readonly<Record<string, unknown>>
}

export interface StoredAlert {
  readonly id: string
  readonly index: string
  readonly space: string
  readonly source: Record<string, unknown>
  version: number
}

export interface StatusChange {
  readonly id: string
  readonly from: string | null
  readonly to: string | null
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly by: 'elasticsearch' | 'kibana' | 'analyst'
}

export const STATUS = 'kibana.alert.workflow_status'
export const TAGS = 'kibana.alert.workflow_tags'

export function createAlerts(): Alerts {
  const stored = new Map<string, StoredAlert>()
  const changes: StatusChange[] = []
  const listeners: ((change: StatusChange) => void)[] = []
  const statusOf = (alert: StoredAlert | undefined): string | null => (alert?.source[STATUS] as string) ?? null
  const update: Alerts['update'] = (id, by, change) => {
    const alert = stored.get(id)
    if (!alert) throw new Error(`The simulated Elasticsearch has no alert ${id}`)
    const from = statusOf(alert)
    change(alert.source)
    alert.version += 1
    const to = statusOf(alert)
    if (from === to) return
    const made = { id, from, to, at: Date.now(), by }
    changes.push(made)
    for (const listener of listeners) listener(made)
  }
  return {
    add(sketch = {}) {
      const id = sketch.id ?? randomUUID().replaceAll('-', '')
      const space = sketch.space ?? 'default'
      const index = `.internal.alerts-security.alerts-${space}-000001`
      stored.set(id, { id, index, space, source: sourceOf(id, space, sketch), version: 1 })
      return id
    },
    ids: () => [...stored.keys()],
    find: (id) => stored.get(id) ?? null,
    status: (id) => statusOf(stored.get(id)),
    tags: (id) => [...((stored.get(id)?.source[TAGS] as string[] | undefined) ?? [])],
    setStatus: (id, status) =>
      update(id, 'analyst', (source) => {
        source[STATUS] = status
        source['kibana.alert.workflow_user'] = 'u_analyst'
        source['kibana.alert.workflow_status_updated_at'] = new Date().toISOString()
      }),
    setTags: (id, tags) =>
      update(id, 'analyst', (source) => {
        source[TAGS] = [...tags]
      }),
    changes,
    onChange: (listener) => void listeners.push(listener),
    update,
  }
}

function sourceOf(id: string, space: string, sketch: AlertSketch): Record<string, unknown> {
  const time = sketch.time ?? new Date().toISOString()
  const name = sketch.ruleName ?? 'Potential Web Server Scanning'
  const address = sketch.sourceIp === undefined ? '203.0.113.7' : sketch.sourceIp
  return {
    '@timestamp': new Date().toISOString(),
    ...(address === null ? {} : { source: { ip: address } }),
    'agent.name': 'web-1',
    agent: { type: 'filebeat', version: '8.19.0' },
    'event.kind': 'signal',
    'Esql.event_count': 312,
    'kibana.alert.uuid': id,
    'kibana.alert.original_time': time,
    'kibana.alert.start': time,
    'kibana.alert.status': 'active',
    [STATUS]: sketch.status ?? 'open',
    [TAGS]: [],
    'kibana.alert.workflow_assignee_ids': [],
    'kibana.alert.severity': 'high',
    'kibana.alert.risk_score': 73,
    'kibana.alert.depth': 1,
    'kibana.alert.reason': `event created high alert ${name}.`,
    'kibana.alert.ancestors': [{ id: 'a1', type: 'event', index: 'logs-traefik.access-default', depth: 0 }],
    'kibana.alert.rule.uuid': '6f1a3c52-2f0e-4c7e-9d53-0a6b4c1d2e3f',
    'kibana.alert.rule.rule_id': sketch.ruleId ?? '8383a8d0-008b-47a5-94e5-496629dc3590',
    'kibana.alert.rule.name': name,
    'kibana.alert.rule.rule_type_id': 'siem.esqlRule',
    'kibana.alert.rule.tags': ['Domain: Web', 'Tactic: Reconnaissance'],
    'kibana.alert.rule.parameters': { severity: 'high', risk_score: 73, type: 'esql', language: 'esql' },
    'kibana.alert.rule.execution.uuid': randomUUID(),
    'kibana.alert.rule.execution.type': 'scheduled',
    'kibana.space_ids': [space],
    'kibana.version': '8.19.0',
    ...sketch.fields,
  }
}
