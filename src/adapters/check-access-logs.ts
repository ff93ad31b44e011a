import type { Client } from '@elastic/elasticsearch'
import { judgeSources, type LoggedSources } from '../core/access-logs.ts'
import { addressSet } from '../core/address-set.ts'
import { CLOUDFLARE_RANGES } from '../core/cloudflare-ranges.ts'
import { PRIVATE_RANGES } from '../core/guards.ts'
import { messageOf, RefusedError } from '../errors.ts'
import { type Finding, good, note, warn } from './check-finding.ts'
import { asOurs } from './elasticsearch-failure.ts'

/** Data streams of Elastic's integrations for web servers. */
export const ACCESS_LOGS = ['traefik', 'nginx', 'apache', 'apache_tomcat', 'iis', 'nginx_ingress_controller'].map(
  (server) => `logs-${server}.access-*`,
)

const WHAT = 'access logs'
const TIMEOUT_S = 8

/** Which share of the last day's `source.ip` can never be banned. What keeps us from looking is a note: nothing else needs this. */
export async function* checkAccessLogs(client: Client): AsyncGenerator<Finding> {
  let logged: LoggedSources[]
  let partly: boolean
  try {
    ;({ logged, partly } = await count(client))
  } catch (error) {
    const why = error instanceof RefusedError ? `the key may not read ${ACCESS_LOGS.join(', ')}` : messageOf(error)
    yield note(WHAT, `were not looked at: ${why}`)
    return
  }
  if (logged.length === 0)
    yield note(WHAT, `none of the last day is seen: there is none, or the key may not read ${ACCESS_LOGS.join(', ')}`)
  for (const each of logged) {
    const { said, mend } = judgeSources(each)
    const of = `of ${each.events} events of the last day${partly ? ' (a part: it took too long)' : ''}`
    const message = `source.ip in ${each.dataset}: ${said}, ${of}`
    yield mend === null ? good(WHAT, message) : warn(WHAT, `${message}\n${mend}`)
  }
}

async function count(client: Client): Promise<{ logged: LoggedSources[]; partly: boolean }> {
  const answer = await asOurs(() =>
    client.search({
      index: ACCESS_LOGS.join(','),
      ignore_unavailable: true,
      allow_no_indices: true,
      size: 0,
      track_total_hits: false,
      timeout: `${TIMEOUT_S}s`,
      query: { range: { '@timestamp': { gte: 'now-1d' } } },
      aggs: {
        datasets: {
          terms: { field: 'data_stream.dataset', size: 10 },
          aggs: {
            within: { ip_range: { field: 'source.ip', ranges: MASKS.map((mask) => ({ mask })) } },
            missing: { missing: { field: 'source.ip' } },
          },
        },
      },
    }),
  )
  const { buckets } = Object(answer.aggregations?.datasets) as { buckets?: unknown }
  const failed = Number(answer._shards?.failed ?? 0)
  if (failed > 0 && !Array.isArray(buckets)) throw new Error('Elasticsearch could not search them')
  const logged = (Array.isArray(buckets) ? buckets : []).map(sourcesIn)
  return { logged, partly: answer.timed_out === true || failed > 0 }
}

const CLOUDFLARE = addressSet(CLOUDFLARE_RANGES)
const MASKS = [...CLOUDFLARE_RANGES, ...PRIVATE_RANGES].map((range) =>
  range.includes('/') ? range : `${range}/${range.includes(':') ? 128 : 32}`,
)

function sourcesIn(bucket: unknown): LoggedSources {
  const { key, doc_count, within, missing } = Object(bucket) as {
    key?: unknown
    doc_count?: unknown
    within?: { buckets?: { key?: unknown; doc_count?: unknown }[] }
    missing?: { doc_count?: unknown }
  }
  const counted = { cloudflare: 0, private: 0 }
  // A bucket's key is its range as it was given; buckets come in an order of their own.
  for (const range of within?.buckets ?? []) {
    const kind = CLOUDFLARE.overlaps(String(range.key)) ? 'cloudflare' : 'private'
    counted[kind] += Number(range.doc_count ?? 0)
  }
  return { dataset: String(key), events: Number(doc_count ?? 0), ...counted, missing: Number(missing?.doc_count ?? 0) }
}
