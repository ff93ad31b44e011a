import { type Client, errors } from '@elastic/elasticsearch'
import type { OpenAlerts, OpenQuery, PastAlerts, PastQuery } from '../ports.ts'
import { asOurs, fromClient } from './elasticsearch-failure.ts'

/** Alerts in one answer; a whole alert may have 40 kB. */
const PAGE = 200
/** Of those of which only the fields are read that decide. */
export const SLIM_PAGE = 1000

/** Rule texts make up most of an alert, and nothing here reads them. What else it holds may serve as evidence. */
const WITHOUT_FIELDS = [
  'kibana.alert.rule.parameters',
  'kibana.alert.rule.description',
  'kibana.alert.rule.note',
  'kibana.alert.rule.setup',
  'kibana.alert.rule.threat',
  'kibana.alert.rule.references',
  'kibana.alert.rule.exceptions_list',
  'kibana.alert.ancestors',
  'event.original',
]

const SORT = [{ '@timestamp': 'asc' as const }, { 'kibana.alert.uuid': 'asc' as const }]

/** What an alert is decided by; the rest is evidence. */
export const DECIDING_FIELDS = [
  '@timestamp',
  'source.ip',
  'signal',
  'kibana.space_ids',
  'kibana.alert.uuid',
  'kibana.alert.original_time',
  'kibana.alert.severity',
  'kibana.alert.building_block_type',
  'kibana.alert.rule.execution.type',
  'kibana.alert.rule.parameters.rule_id',
  'kibana.alert.rule.rule_id',
  'kibana.alert.rule.uuid',
  'kibana.alert.rule.name',
  'kibana.alert.rule.tags',
  'kibana.alert.rule.severity',
]

/** Alerts as they stand when the reading begins: what is acknowledged meanwhile moves no page. */
export function createElasticsearchOpen(client: Client): OpenAlerts & PastAlerts {
  return {
    open: (query) => pages(client, { space: query.space, bool: openQuery(query), evidence: true, keepAlive: '2m' }),
    past: (query) => pages(client, { ...query, bool: pastQuery(query), keepAlive: '10m' }),
  }
}

interface Reading {
  readonly space: string
  readonly bool: object
  readonly evidence: boolean
  /** Longer than whoever takes a page needs for it. */
  readonly keepAlive: '2m' | '10m'
}

async function* pages(client: Client, reading: Reading): AsyncGenerator<readonly unknown[]> {
  const { bool, evidence, keepAlive } = reading
  const index = `.alerts-security.alerts-${reading.space}`
  const size = evidence ? PAGE : SLIM_PAGE
  let pit = await openPit(client, index, keepAlive)
  try {
    for (let after: Sort | undefined; ; ) {
      const answer = await asOurs(() =>
        client.search({
          ...(pit === null ? { index } : { pit: { id: pit, keep_alive: keepAlive } }),
          size,
          track_total_hits: false,
          allow_partial_search_results: false,
          query: { bool },
          sort: SORT,
          _source: evidence ? { excludes: WITHOUT_FIELDS } : { includes: DECIDING_FIELDS },
          ...(after ? { search_after: after } : {}),
        }),
      )
      const { pit_id: next } = Object(answer) as { pit_id?: unknown }
      if (pit !== null && typeof next === 'string') pit = next
      const hits = hitsOf(answer, 'Elasticsearch')
      if (hits.length > 0) yield hits
      after = hits.at(-1)?.sort as Sort | undefined
      if (hits.length < size || after === undefined) return
    }
  } finally {
    // It ends by itself, too.
    if (pit !== null) await client.closePointInTime({ id: pit }).catch(() => undefined)
  }
}

/** null: what stands before the cluster lets searches through and nothing else; their order alone keeps the pages apart, then. */
async function openPit(client: Client, index: string, keepAlive: Reading['keepAlive']): Promise<string | null> {
  try {
    const { id } = Object(await client.openPointInTime({ index, keep_alive: keepAlive })) as { id?: unknown }
    if (typeof id !== 'string') throw new Error('Elasticsearch answered with a point in time that has no id')
    return id
  } catch (error) {
    // Where it is the index that is missing, the search says so.
    if (error instanceof errors.ResponseError && [400, 404, 405].includes(error.statusCode ?? 0)) return null
    throw fromClient(error)
  }
}

type Sort = string[]

/** The body of a `bool` query. */
export function openQuery({ rules, since, without }: OpenQuery) {
  return {
    filter: [{ term: { 'kibana.alert.workflow_status': 'open' } }, raisedSince(since), ofRules(rules)],
    must_not: [...UNSENT, { terms: { 'kibana.alert.workflow_tags': without.map((word) => `portcullis:${word}`) } }],
  }
}

/** The same for alerts of any status. */
export function pastQuery({ rules, since }: PastQuery) {
  return { filter: [raisedSince(since), ...(rules === null ? [] : [ofRules(rules)])], must_not: UNSENT }
}

function raisedSince(since: Date) {
  return { range: { '@timestamp': { gte: since.toISOString() } } }
}

/** A rule is matched by its name and both its ids: none of them is ever another's. */
function ofRules(rules: readonly string[]) {
  const names = [...rules]
  const should = [
    { terms: { 'kibana.alert.rule.name': names } },
    { terms: { 'kibana.alert.rule.rule_id': names } },
    { terms: { 'kibana.alert.rule.uuid': names } },
  ]
  return { bool: { should } }
}

/** For these no connector is called. */
const UNSENT = [
  { exists: { field: 'kibana.alert.building_block_type' } },
  { exists: { field: 'kibana.alert.maintenance_window_ids' } },
]

export interface Hit {
  readonly _id?: unknown
  readonly sort?: unknown
}

/** The hits of a search; throws when it is incomplete or no such answer. */
export function hitsOf(answer: unknown, who: string): readonly Hit[] {
  const { timed_out, _shards, hits } = Object(answer) as {
    timed_out?: unknown
    _shards?: { failed?: unknown }
    hits?: { hits?: unknown }
  }
  if (!Array.isArray(hits?.hits)) throw new Error(`${who} answered a search with something that is no list of hits`)
  if (timed_out === true || Number(_shards?.failed ?? 0) > 0)
    throw new Error(`${who} could search only a part of the alerts`)
  return hits.hits as Hit[]
}
