import { type Dispatcher, request } from 'undici'
import type { Mark, Siem } from '../ports.ts'
import { statesIn } from './elasticsearch.ts'
import { elasticFailure } from './elasticsearch-failure.ts'
import { type AlertState, markAll, type ReadAlerts, staleTags, tagOf } from './elasticsearch-mark.ts'
import { createDispatcher } from './http-dispatcher.ts'
import { isTimeout, whyUnreachable } from './http-failure.ts'
import { readCertificates } from './tls.ts'

export interface KibanaOptions {
  readonly url: string
  /** Encoded, as Kibana shows it. */
  readonly apiKey: string
  /** PEM file of a private authority; null: the usual ones. */
  readonly caFile: string | null
  /** The spaces that `probe` looks at. */
  readonly spaces: readonly string[]
  /** Reads alerts elsewhere, in Elasticsearch; null: through Kibana, too. */
  readonly reader: ReadAlerts | null
  readonly dispatcher?: Dispatcher
  /** For one call, in milliseconds; absent: 30,000. */
  readonly timeoutMs?: number
}

export type KibanaCall = (method: 'GET' | 'POST', path: string, body?: unknown) => Promise<unknown>

const SIGNALS = '/api/detection_engine/signals'

/** Marks alerts through Kibana, which so knows of every change. Tags go first: a change of status without our tag would pass for a person's. */
export function createKibanaSiem(options: KibanaOptions): Siem {
  const call = createKibanaCall(options)
  const read = options.reader ?? createKibanaReader(call)
  return {
    mark: (marks) =>
      markAll(marks, { read, blind: false, act: (space, some, states) => act(call, space, some, states) }),
    async probe() {
      await call('GET', '/api/status')
      for (const space of options.spaces)
        await call('POST', `${pathOf(space)}${SIGNALS}/search`, { size: 0, query: { match_all: {} } })
    },
  }
}

/** `marks` may be made, all of them: each is a change of the status, of the tags, or of both. */
async function act(
  call: KibanaCall,
  space: string,
  marks: readonly Mark[],
  states: ReadonlyMap<string, AlertState>,
): Promise<boolean> {
  const path = pathOf(space) + SIGNALS
  for (const some of Map.groupBy(marks, (mark) => tagOf(mark)).values()) {
    const [first] = some
    if (!first) continue
    const stale = new Set(some.flatMap((mark) => staleTags(mark, states.get(mark.id) ?? { status: null, tags: [] })))
    const body = {
      tags: { tags_to_add: [tagOf(first)], tags_to_remove: [...stale] },
      ids: some.map((mark) => mark.id),
    }
    await call('POST', `${path}/tags`, body).catch(unlessUnknown)
  }
  for (const [status, some] of Map.groupBy(marks, (mark) => mark.status)) {
    const moved = some.filter((mark) => states.get(mark.id)?.status !== status)
    if (status === null || moved.length === 0) continue
    // By ids Kibana would also turn a closed alert into an acknowledged one.
    const from = status === 'open' ? 'acknowledged' : 'open'
    const query = {
      bool: {
        filter: [{ terms: { _id: moved.map((mark) => mark.id) } }, { term: { 'kibana.alert.workflow_status': from } }],
      },
    }
    await call('POST', `${path}/status`, { query, status, conflicts: 'proceed' })
  }
  return false
}

/** An older Kibana knows statuses and no tags: better acknowledged without a tag than not at all. */
function unlessUnknown(error: unknown): void {
  if ((error as { status?: unknown }).status !== 404) throw error
}

function createKibanaReader(call: KibanaCall): ReadAlerts {
  return async (space, ids) => {
    const answer = await call('POST', `${pathOf(space)}${SIGNALS}/search`, {
      size: ids.length,
      track_total_hits: false,
      query: { terms: { _id: ids } },
      _source: ['kibana.alert.workflow_status', 'kibana.alert.workflow_tags', 'signal.status'],
    })
    return statesIn(answer, 'Kibana')
  }
}

/** Kibana's base path of a space. */
export function pathOf(space: string): string {
  return space === 'default' ? '' : `/s/${encodeURIComponent(space)}`
}

/** Calls of Kibana's API, whose answers are JSON objects. Failures: those of the port, each with the HTTP `status`, if there was one. */
export function createKibanaCall(options: Omit<KibanaOptions, 'reader' | 'spaces'>): KibanaCall {
  const timeoutMs = options.timeoutMs ?? 30_000
  const ca = readCertificates(options.caFile, 'ELASTIC_CA_FILE')
  const url = options.url.replace(/\/+$/, '')
  const dispatcher = options.dispatcher ?? createDispatcher(url, { ca })
  return async (method, path, body) => {
    let status: number
    let text: string
    let retryAfter: unknown
    try {
      const answer = await request(url + path, {
        method,
        dispatcher,
        signal: AbortSignal.timeout(timeoutMs),
        headers: {
          authorization: `ApiKey ${options.apiKey}`,
          'kbn-xsrf': 'portcullis',
          'elastic-api-version': '2023-10-31',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      status = answer.statusCode
      retryAfter = answer.headers['retry-after']
      text = await answer.body.text()
    } catch (cause) {
      const why = isTimeout(cause) ? `no answer within ${timeoutMs / 1000} s` : whyUnreachable(cause, 'ELASTIC_CA_FILE')
      throw new Error(`Kibana cannot be reached: ${why}`, { cause })
    }
    const json = parse(text)
    if (status >= 200 && status < 300) {
      if (json === null) throw new Error(`Kibana answered ${status} with something that is not its JSON`)
      return json
    }
    // An update that met others' writes, in part: what is missing is seen by reading again.
    if (status === 409) return {}
    const reason = typeof json?.message === 'string' ? json.message.replaceAll(options.apiKey, '***') : ''
    throw Object.assign(elasticFailure({ who: 'Kibana', key: 'KIBANA_API_KEY', status, reason, retryAfter }), {
      status,
    })
  }
}

function parse(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}
