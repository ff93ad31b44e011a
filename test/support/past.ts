import { createTemplates } from '../../src/adapters/templates.ts'
import { parsePlaybook } from '../../src/adapters/yaml-playbook.ts'
import { addressSet } from '../../src/core/address-set.ts'
import type { Alert } from '../../src/core/alert.ts'
import { CLOUDFLARE_RANGES } from '../../src/core/cloudflare-ranges.ts'
import type { Past } from '../../src/core/past.ts'
import { type ExplainPastDeps, explainPast, type PastAlert } from '../../src/pipeline/explain-past.ts'
import { blocking } from './service-stage.ts'

export const START = Date.parse('2026-03-01T00:00:00.000Z')
export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR
/** Room for four addresses of thirteen characters. */
export const NARROW = '(ip.src in {})'.length + 4 * 14 - 1

export interface Setting {
  readonly maxBansPerHour?: number
  readonly limit?: number
  readonly edges?: ExplainPastDeps['edges']
  readonly duration?: string
  readonly mode?: string
  readonly rule?: string
  readonly friends?: Partial<ExplainPastDeps['friends']>
  /** Milliseconds after the start. */
  readonly until?: number
}

export function depsOf(setting: Setting): ExplainPastDeps {
  const { mode = 'enforce', rule } = setting
  const text = blocking(setting.duration ?? '[1h, 5h]', { mode, ...(rule === undefined ? {} : { rule }) })
  const edges = setting.edges ?? [{ name: 'shop', limit: setting.limit ?? NARROW }]
  const templates = createTemplates()
  return {
    playbooks: [parsePlaybook(text, 'block.yaml')],
    edges,
    edgesOf: (zones) => zones ?? edges.map(({ name }) => name),
    friends: {
      ...{ allowlist: [], cloudflareRanges: addressSet(CLOUDFLARE_RANGES), allowDocumentationRanges: true },
      ...setting.friends,
    },
    ...{ maxBansPerHour: setting.maxBansPerHour ?? 100_000, maxAlertAgeMs: DAY, offenceMemoryMs: 180 * DAY },
    test: templates.test,
  }
}

/** Alerts of a story that begins at START, replayed from an empty ledger. */
export async function replay(
  alerts: readonly (Alert | null)[],
  setting: Setting = {},
): Promise<Omit<Past, 'against' | 'notes'>> {
  const past = async function* (): AsyncGenerator<PastAlert> {
    for (const alert of alerts) yield alert && { alert, at: new Date(alert.time ?? 0) }
  }
  const until = new Date(START + (setting.until ?? 2 * DAY))
  return explainPast(depsOf(setting), past(), { since: new Date(START), until })
}

export function alertAt(ms: number, suspect: string, n: number): Alert {
  return {
    ...{
      id: `alert-${n}`,
      index: '',
      space: 'default',
      severity: 'high',
      run: 'scheduled',
      eventTime: true,
      evidence: {},
    },
    rule: { id: 'rule-1', ruleId: 'rule-1', name: 'Potential Web Server Scanning', tags: [] },
    time: iso(ms),
    suspects: [suspect],
  }
}

export function iso(ms: number): string {
  return new Date(START + ms).toISOString()
}
