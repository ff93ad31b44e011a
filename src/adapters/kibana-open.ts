import type { OpenAlerts, PastAlerts } from '../ports.ts'
import { DECIDING_FIELDS, type Hit, hitsOf, openQuery, pastQuery, SLIM_PAGE } from './elasticsearch-open.ts'
import { createKibanaCall, type KibanaCall, type KibanaOptions, pathOf } from './kibana.ts'

/**
 * Alerts through Kibana's search, which knows neither points in time nor `search_after`, and only one sort field in all
 * its versions. So each page begins at the moment of the last alert of the page before, without those already seen at that
 * moment: alerts may leave the result meanwhile, and none is passed over.
 */
export function createKibanaOpen(options: Omit<KibanaOptions, 'reader'>): OpenAlerts & PastAlerts {
  const call = createKibanaCall(options)
  return {
    open: (query) => pages(call, { ...query, ...openQuery(query), evidence: true }),
    past: (query) => pages(call, { ...query, ...pastQuery(query) }),
  }
}

interface Reading {
  readonly space: string
  readonly since: Date
  readonly filter: readonly object[]
  readonly must_not: readonly object[]
  readonly evidence: boolean
}

/** Alerts in one answer. They come whole, 40 kB each: only fields to keep can be named, and evidence has any name. */
const PAGE = 100

async function* pages(call: KibanaCall, reading: Reading): AsyncGenerator<readonly unknown[]> {
  const { filter, must_not, evidence } = reading
  const size = evidence ? PAGE : SLIM_PAGE
  for (let from: Place | null = null; ; ) {
    const { time, seen }: Place = from ?? { time: reading.since.toISOString(), seen: [] }
    const answer = await call('POST', `${pathOf(reading.space)}/api/detection_engine/signals/search`, {
      size,
      track_total_hits: false,
      query: {
        bool: {
          filter: [...filter, { range: { '@timestamp': { gte: time } } }],
          must_not: seen.length === 0 ? must_not : [...must_not, { ids: { values: seen } }],
        },
      },
      sort: { '@timestamp': { order: 'asc' } },
      ...(evidence ? {} : { _source: DECIDING_FIELDS }),
    })
    const hits = hitsOf(answer, 'Kibana')
    if (hits.length > 0) yield hits
    if (hits.length < size) return
    from = placeAfter(hits, from)
  }
}

/** Where the next page begins: a moment in ISO 8601, and the ids of that moment which have been read. */
interface Place {
  readonly time: string
  readonly seen: readonly string[]
}

function placeAfter(hits: readonly Hit[], before: Place | null): Place {
  const time = timeOf(hits.at(-1))
  const here = hits.filter((hit) => timeOf(hit) === time).map(({ _id }) => String(_id))
  return { time, seen: before?.time === time ? [...before.seen, ...here] : here }
}

/** The value it was sorted by: milliseconds since the epoch, unless the field is mapped to show it otherwise. */
function timeOf(hit: Hit | undefined): string {
  const [value] = Array.isArray(hit?.sort) ? (hit.sort as readonly unknown[]) : []
  const date = new Date(/^\d+$/.test(String(value)) ? Number(value) : String(value))
  if (Number.isNaN(date.getTime())) throw new Error('Kibana answered a search without the times it was sorted by')
  return date.toISOString()
}
