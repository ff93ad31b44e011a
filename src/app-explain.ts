import { systemClock } from './adapters/clock.ts'
import { loadPlaybooks } from './adapters/playbook-files.ts'
import { createTemplates } from './adapters/templates.ts'
import type { Config } from './config.ts'
import { parseAddress } from './core/address.ts'
import { addressSet } from './core/address-set.ts'
import { CLOUDFLARE_RANGES } from './core/cloudflare-ranges.ts'
import type { Explanation } from './core/explanation.ts'
import type { Playbook } from './core/playbook.ts'
import { type ExplainDeps, explainAlerts } from './pipeline/explain.ts'
import type { Friends } from './pipeline/pass-types.ts'
import type { Clock, Edge, Records } from './ports.ts'
import { readWebhook } from './receiver/intake.ts'

/** Explains the alerts of a webhook's body against this ledger and these edges. A Refusal where the body cannot be read. */
export function createExplain(
  deps: {
    readonly config: Config
    readonly records: Pick<Records, 'get' | 'all'>
    readonly clock: Clock
    readonly edges: readonly Edge[]
    readonly friends: () => Friends | Promise<Friends>
    readonly playbooks: () => readonly { readonly playbook: Playbook }[]
  },
  against: string,
): (body: string) => Promise<Explanation> {
  const { config } = deps
  const { rule, action, expressionLimit, target, list, manageRule } = config.cloudflare
  const templates = createTemplates()
  const explainDeps: ExplainDeps = {
    ...deps,
    rule: { description: rule, action, limit: expressionLimit },
    list: target === 'list' ? { name: list, wanted: true } : undefined,
    adoptForMs: config.adoptForMs,
    releaseForMs: config.releaseForMs,
    maxAlertAgeMs: config.maxAlertAgeMs,
    maxBansPerHour: config.maxBansPerHour,
    observing: config.mode === 'observe',
    test: (condition, scope) => templates.test(condition, scope),
  }
  return async (body) => {
    const { alerts, invalid, skipped } = readWebhook(body, config.elastic.spaces)
    const explained = await explainAlerts(explainDeps, alerts)
    const rules = manageRule
      ? 'the rule of each zone names it'
      : 'rules of others name it, and what follows of rules is not written'
    const note = `CLOUDFLARE_TARGET=list: bans go into the list ${list}; ${rules}`
    const notes = target === 'list' ? [note, ...explained.notes] : explained.notes
    return { against, invalid, skipped, ...explained, notes }
  }
}

/** The same without any service: the playbooks here, an empty ledger, zones without a rule of ours, and ALLOWLIST's addresses. */
export async function explainOffline(config: Config, body: string): Promise<Explanation> {
  const files = await loadPlaybooks(config.playbooksDir)
  const given = config.allowlist.map((text) => ({ text, address: parseAddress(text) }))
  const names = given.filter(({ address }) => address === null).map(({ text }) => text)
  const friends: Friends = {
    allowlist: given.flatMap(({ address }) => (address === null ? [] : [{ text: address.text, note: 'ALLOWLIST' }])),
    cloudflareRanges: addressSet(CLOUDFLARE_RANGES),
    allowDocumentationRanges: config.allowDocumentationRanges,
  }
  const explain = createExplain(
    {
      config,
      records: { get: async () => new Map(), all: async () => [] },
      clock: systemClock,
      edges: config.cloudflare.zones.map(({ name, id }) => emptyEdge(name || id)),
      friends: () => friends,
      playbooks: () => files,
    },
    'the playbooks here, an empty ledger and empty edges (--offline)',
  )
  const explanation = await explain(body)
  const unknown = names.length === 0 ? [] : [`not looked up, and so not on the allowlist here: ${names.join(', ')}`]
  return { ...explanation, notes: [...explanation.notes, ...unknown] }
}

function emptyEdge(name: string): Edge {
  const never = () => Promise.reject(new Error('nothing is written here'))
  return { name, read: async () => null, version: async () => null, write: never, dryRun: never }
}
