import { openAllowlist } from './adapters/allowlist.ts'
import { createElasticsearchClient } from './adapters/elasticsearch.ts'
import { createElasticsearchOpen } from './adapters/elasticsearch-open.ts'
import { createKibanaOpen } from './adapters/kibana-open.ts'
import { loadPlaybooks } from './adapters/playbook-files.ts'
import { createTemplates } from './adapters/templates.ts'
import type { Config } from './config.ts'
import { addressSet } from './core/address-set.ts'
import { rulesToCatchUp } from './core/catch-up.ts'
import { CLOUDFLARE_RANGES } from './core/cloudflare-ranges.ts'
import { formatDuration } from './core/duration.ts'
import { listEdge } from './core/list-edge.ts'
import type { Past } from './core/past.ts'
import type { Playbook } from './core/playbook.ts'
import { foldedLimit } from './core/spill.ts'
import { pickFields } from './core/translate.ts'
import { messageOf } from './errors.ts'
import { alertOf } from './pipeline/catch-up.ts'
import { explainPast, type PastAlert } from './pipeline/explain-past.ts'
import type { Friends } from './pipeline/pass-types.ts'
import type { PastAlerts, Records } from './ports.ts'

/**
 * What the playbooks here would have done with the alerts of Elastic in the last `sinceMs`: of the rules that playbooks and
 * CATCH_UP_RULES name, or of all. Needs no service, no store and no Cloudflare; an Error says what is missing.
 */
export async function explainElastic(
  config: Config,
  { sinceMs, allRules, now }: { readonly sinceMs: number; readonly allRules: boolean; readonly now: Date },
): Promise<Past> {
  const playbooks = (await loadPlaybooks(config.playbooksDir)).map(({ playbook }) => playbook)
  const rules = allRules ? null : rulesToCatchUp(playbooks, config.catchUp.rules)
  if (rules?.length === 0) throw new Error(NO_RULE)
  const { friends, notes } = await friendsOf(config)
  const { edges, edgesOf } = edgesIn(config)
  const source = pastAlertsOf(config)
  const since = new Date(now.getTime() - sinceMs)
  const evidence = playbooks.some(({ steps }) => steps.some((step) => step.if !== null))
  const templates = createTemplates()
  try {
    const { spaces } = config.elastic
    const streams = spaces.map((space) => alertsOf(source.past({ space, rules, since, evidence }), space))
    const past = await explainPast(
      { ...config, playbooks, edges, edgesOf, friends, test: (condition, scope) => templates.test(condition, scope) },
      inOrder(streams),
      { since, until: now },
    )
    const of = rules === null ? 'all rules' : `the rules ${rules.join(', ')}`
    const against = `alerts of ${of}, raised in the last ${formatDuration(sinceMs)}, answered by the playbooks here as if MODE=enforce, from an empty ledger`
    return { against, notes: [...notes, ...notesOn(playbooks, rules)], ...past }
  } finally {
    await source.close()
  }
}

const NO_RULE =
  'No playbook names a rule and CATCH_UP_RULES is empty, so nobody says which alerts in Elastic are meant for Portcullis: set CATCH_UP_RULES for this command, or look at all with --all-rules'

/** Elasticsearch reads where it is set: it has points in time. */
function pastAlertsOf({ elastic, proxy }: Config): PastAlerts & { close(): Promise<void> } {
  const { elasticsearch, kibana, caFile, spaces } = elastic
  const common = { caFile, spaces, proxy }
  if (elasticsearch !== null) {
    const client = createElasticsearchClient({ ...common, ...elasticsearch })
    return { past: createElasticsearchOpen(client).past, close: () => client.close() }
  }
  if (kibana !== null) return { past: createKibanaOpen({ ...common, ...kibana }).past, close: async () => {} }
  throw new Error(
    'Set ELASTICSEARCH_URL and ELASTICSEARCH_API_KEY, or KIBANA_URL and KIBANA_API_KEY: alerts are read there',
  )
}

/** Records that keep nothing: names are resolved afresh. */
const NOTHING: Pick<Records, 'get' | 'commit'> = { get: async () => new Map(), commit: async () => true }

/** The allowlist as it is now. */
async function friendsOf(config: Config): Promise<{ readonly friends: Friends; readonly notes: string[] }> {
  const notes: string[] = []
  const allowlist = await openAllowlist({
    given: config.allowlist,
    records: NOTHING as Records,
    traceUrl: new URL('/cdn-cgi/trace', config.cloudflare.apiUrl).href,
    onError: (name, error) => void notes.push(`${name} of ALLOWLIST protects nobody here: ${messageOf(error)}`),
  })
  await allowlist.refresh()
  const friends = {
    allowlist: allowlist.entries(),
    cloudflareRanges: addressSet(CLOUDFLARE_RANGES),
    allowDocumentationRanges: config.allowDocumentationRanges,
  }
  return { friends, notes }
}

/** A list serves all zones; else each zone has its rule, and one stands for those that are not set yet. */
function edgesIn({ cloudflare }: Config) {
  if (cloudflare.target === 'list') {
    const name = listEdge(cloudflare.list)
    return { edges: [{ name, limit: null }], edgesOf: () => [name] }
  }
  const names = cloudflare.zones.length === 0 ? ['zone'] : cloudflare.zones.map(({ name, id }) => name || id)
  return {
    edges: names.map((name) => ({
      name,
      limit: foldedLimit({ limit: cloudflare.expressionLimit, maxRules: cloudflare.maxRules }),
    })),
    edgesOf: (zones: readonly string[] | null) => zones ?? names,
  }
}

async function* alertsOf(pages: AsyncIterable<readonly unknown[]>, space: string): AsyncGenerator<PastAlert> {
  for await (const hits of pages) {
    for (const hit of hits) {
      const [alert] = alertOf(hit, space)
      const raised = Date.parse(String(pickFields(hit)?.['@timestamp']))
      yield alert === undefined || Number.isNaN(raised) ? null : { alert, at: new Date(raised) }
    }
  }
}

/** Several spaces as one, the oldest first. */
async function* inOrder(streams: readonly AsyncGenerator<PastAlert>[]): AsyncGenerator<PastAlert> {
  const heads = await Promise.all(streams.map(async (stream) => ({ stream, next: await stream.next() })))
  try {
    for (;;) {
      const timeOf = (head: (typeof heads)[number]) =>
        head.next.done === true ? Number.POSITIVE_INFINITY : (head.next.value?.at.getTime() ?? 0)
      const first = heads.reduce((a, b) => (timeOf(b) < timeOf(a) ? b : a))
      if (first.next.done === true) return
      yield first.next.value
      first.next = await first.stream.next()
    }
  } finally {
    await Promise.all(streams.map((stream) => stream.return(null)))
  }
}

function notesOn(playbooks: readonly Playbook[], rules: readonly string[] | null): string[] {
  const enabled = playbooks.filter((playbook) => playbook.enabled)
  const open = enabled.filter(({ triggers }) => triggers.some((trigger) => trigger.rules.length === 0))
  const unasked =
    rules === null || open.length === 0
      ? []
      : [
          `${open.map(({ file }) => file).join(', ')} answers alerts of any rule that has a connector, and Elastic is asked only for the rules above: name the others in CATCH_UP_RULES, or look at all with --all-rules`,
        ]
  const asks = enabled.filter(
    ({ steps }) => steps.some(({ type }) => type === 'http') && steps.some((step) => step.if?.includes('steps.')),
  )
  return [
    ...unasked,
    ...asks.map(
      ({ file }) => `${file} has a condition on another step's answer: http steps are not called here, and have none`,
    ),
    'bans by hand, `allow`, releases, and what people wrote into the rule are not known here: their room comes on top',
  ]
}
