import type { Client } from '@elastic/elasticsearch'
import type { OpenAlerts, OpenQuery } from '../ports.ts'
import { asOurs } from './elasticsearch-failure.ts'

/** Alerts in one answer; a whole alert may have 40 kB. */
const PAGE = 200

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

/** Open alerts as they stand when the reading begins: what is acknowledged meanwhile moves no page. */
export function createElasticsearchOpen(client: Client): OpenAlerts {
  return { open: (query) => pages(client, query) }
}

async function* pages(client: Client, query: OpenQuery): AsyncGenerator<readonly unknown[]> {
  const index = `.alerts-security.alerts-${query.space}`
  let { id } = await asOurs(() => client.openPointInTime({ index, keep_alive: KEEP_ALIVE }))
  try {
    for (let after: Sort | undefined; ; ) {
      const answer = await asOurs(() =>
        client.search({
          pit: { id, keep_alive: KEEP_ALIVE },
          size: PAGE,
          track_total_hits: false,
          allow_partial_search_results: false,
          query: { bool: openQuery(query) },
          sort: SORT,
          _source: { excludes: WITHOUT_FIELDS },
          ...(after ? { search_after: after } : {}),
        }),
      )
      id = answer.pit_id ?? id
      const hits = hitsOf(answer, 'Elasticsearch')
      if (hits.length > 0) yield hits
      after = hits.at(-1)?.sort as Sort | undefined
      if (hits.length < PAGE || after === undefined) return
    }
  } finally {
    // It ends by itself within the minute, too.
    await client.closePointInTime({ id }).catch(() => undefined)
  }
}

type Sort = string[]

/** Longer than whoever takes a page needs for it. */
const KEEP_ALIVE = '2m'

/** The body of a `bool` query. A rule is matched by its name and both its ids: none of them is ever another's. */
export function openQuery({ rules, since, without }: OpenQuery) {
  const names = [...rules]
  const rule = [
    { terms: { 'kibana.alert.rule.name': names } },
    { terms: { 'kibana.alert.rule.rule_id': names } },
    { terms: { 'kibana.alert.rule.uuid': names } },
  ]
  return {
    filter: [
      { term: { 'kibana.alert.workflow_status': 'open' } },
      { range: { '@timestamp': { gte: since.toISOString() } } },
      { bool: { should: rule } },
    ],
    must_not: [
      { exists: { field: 'kibana.alert.building_block_type' } },
      { exists: { field: 'kibana.alert.maintenance_window_ids' } },
      { terms: { 'kibana.alert.workflow_tags': without.map((word) => `portcullis:${word}`) } },
    ],
  }
}

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
