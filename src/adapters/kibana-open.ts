import type { OpenAlerts, OpenQuery } from '../ports.ts'
import { type Hit, hitsOf, openQuery } from './elasticsearch-open.ts'
import { createKibanaCall, type KibanaCall, type KibanaOptions, pathOf } from './kibana.ts'

/**
 * Open alerts through Kibana's search, which knows neither points in time nor `search_after`, and only one sort field in all
 * its versions. So each page begins at the moment of the last alert of the page before, without those already seen at that
 * moment: alerts may leave the result meanwhile, and none is passed over.
 */
export function createKibanaOpen(options: Omit<KibanaOptions, 'reader'>): OpenAlerts {
  const call = createKibanaCall(options)
  return { open: (query) => pages(call, query) }
}

/** Alerts in one answer. They come whole, 40 kB each: only fields to keep can be named, and evidence has any name. */
const PAGE = 100

async function* pages(call: KibanaCall, query: OpenQuery): AsyncGenerator<readonly unknown[]> {
  for (let from: Place | null = null; ; ) {
    const { filter, must_not } = openQuery(query)
    const { time, seen }: Place = from ?? { time: query.since.toISOString(), seen: [] }
    const answer = await call('POST', `${pathOf(query.space)}/api/detection_engine/signals/search`, {
      size: PAGE,
      track_total_hits: false,
      query: {
        bool: {
          filter: [...filter, { range: { '@timestamp': { gte: time } } }],
          must_not: seen.length === 0 ? must_not : [...must_not, { ids: { values: seen } }],
        },
      },
      sort: { '@timestamp': { order: 'asc' } },
    })
    const hits = hitsOf(answer, 'Kibana')
    if (hits.length > 0) yield hits
    if (hits.length < PAGE) return
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
