import ipaddr from 'ipaddr.js'
import { moment } from './elasticsearch-query.ts'
import { failure } from './elasticsearch-search.ts'
import type { Answer } from './world-server.ts'

/** One line of an access log as an integration indexes it. */
export interface AccessLog {
  /** As `traefik.access`. */
  readonly dataset: string
  /** null: the event has no `source.ip`. */
  readonly sourceIp: string | null
  /** ISO 8601. */
  readonly time: string
}

/** A search of access logs, as far as it only counts: by dataset, within ranges of `source.ip`, and without one. */
export function countLogs(logs: readonly AccessLog[], names: string, body: Record<string, unknown>): Answer {
  const patterns = names.split(',').map((name) => new RegExp(`^${name.replaceAll('.', '\\.').replaceAll('*', '.*')}$`))
  const { gte, field } = rangeIn(body.query)
  const since = moment(gte)
  if (field !== '@timestamp') return failure(400, 'parsing_exception', 'logs are searched by @timestamp here')
  const found = logs.filter(
    ({ dataset, time }) => patterns.some((p) => p.test(`logs-${dataset}-default`)) && Date.parse(time) >= since,
  )
  return {
    status: 200,
    body: {
      took: 1,
      timed_out: false,
      _shards: { total: 1, successful: 1, skipped: 0, failed: 0 },
      hits: { total: { value: found.length, relation: 'eq' }, max_score: null, hits: [] },
      aggregations: aggregate(found, Object(body.aggs) as Aggs),
    },
  }
}

type Aggs = Readonly<Record<string, Readonly<Record<string, unknown>>>>

function rangeIn(query: unknown): { field: string; gte: string } {
  const [field = '', { gte = '' } = {}] =
    Object.entries((Object(query).range ?? {}) as Record<string, { gte?: string }>)[0] ?? []
  return { field, gte }
}

function aggregate(logs: readonly AccessLog[], aggs: Aggs): Record<string, unknown> {
  return Object.fromEntries(Object.entries(aggs).map(([name, agg]) => [name, one(logs, agg)]))
}

function one(logs: readonly AccessLog[], agg: Readonly<Record<string, unknown>>): unknown {
  const inner = (some: readonly AccessLog[]) => ({
    doc_count: some.length,
    ...aggregate(some, Object(agg.aggs) as Aggs),
  })
  if (agg.terms !== undefined) {
    const groups = [...Map.groupBy(logs, ({ dataset }) => dataset)].sort(([, a], [, b]) => b.length - a.length)
    return { sum_other_doc_count: 0, buckets: groups.map(([key, some]) => ({ key, ...inner(some) })) }
  }
  if (agg.missing !== undefined) return inner(logs.filter(({ sourceIp }) => sourceIp === null))
  const ranges = (Object(agg.ip_range) as { ranges?: { mask: string }[] }).ranges ?? []
  const buckets = ranges.map(({ mask }) => ({
    key: mask,
    ...inner(logs.filter(({ sourceIp }) => lies(sourceIp, mask))),
  }))
  return { buckets }
}

function lies(address: string | null, mask: string): boolean {
  if (address === null) return false
  const [parsed, [network, bits]] = [ipaddr.parse(address), ipaddr.parseCIDR(mask)]
  return parsed.kind() === network.kind() && parsed.match(network, bits)
}
