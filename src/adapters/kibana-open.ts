import type { OpenAlerts, OpenQuery } from '../ports.ts'
import { type Hit, hitsOf, openQuery, PAGE, SORT, WITHOUT_FIELDS } from './elasticsearch-open.ts'
import { createKibanaCall, type KibanaCall, type KibanaOptions, pathOf } from './kibana.ts'

/**
 * Open alerts through Kibana's search, which knows neither points in time nor `search_after`: each page asks for what comes
 * after the last alert of the page before, in the order of the sort, so that nothing is lost when alerts leave the result.
 */
export function createKibanaOpen(options: Omit<KibanaOptions, 'reader'>): OpenAlerts {
  const call = createKibanaCall(options)
  return { open: (query) => pages(call, query) }
}

async function* pages(call: KibanaCall, query: OpenQuery): AsyncGenerator<readonly unknown[]> {
  for (let after: Place | null = null; ; ) {
    const { filter, must_not } = openQuery(query)
    const answer = await call('POST', `${pathOf(query.space)}/api/detection_engine/signals/search`, {
      size: PAGE,
      track_total_hits: false,
      query: { bool: { filter: after === null ? filter : [...filter, beyond(after)], must_not } },
      sort: SORT,
      _source: { excludes: WITHOUT_FIELDS },
    })
    const hits = hitsOf(answer, 'Kibana')
    if (hits.length > 0) yield hits
    after = placeOf(hits.at(-1))
    if (hits.length < PAGE || after === null) return
  }
}

interface Place {
  readonly time: string
  readonly uuid: string
}

function placeOf(hit: Hit | undefined): Place | null {
  if (!Array.isArray(hit?.sort)) return null
  const [time, uuid] = hit.sort as readonly unknown[]
  // Milliseconds since the epoch, unless somebody mapped the field to write it otherwise.
  const date = new Date(typeof time === 'number' || !/^\d+$/.test(String(time)) ? (time as number) : Number(time))
  return Number.isNaN(date.getTime()) ? null : { time: date.toISOString(), uuid: String(uuid) }
}

function beyond({ time, uuid }: Place) {
  const sameMoment = { range: { '@timestamp': { gte: time, lte: time } } }
  const later = [
    { range: { '@timestamp': { gt: time } } },
    { bool: { filter: [sameMoment, { range: { 'kibana.alert.uuid': { gt: uuid } } }] } },
  ]
  return { bool: { should: later } }
}
