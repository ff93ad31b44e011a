import { Client, errors, HttpConnection } from '@elastic/elasticsearch'
import { isObject } from '../core/fields.ts'
import { RefusedError } from '../errors.ts'
import type { Mark, Siem } from '../ports.ts'
import { asOurs, fromClient, strikeOut } from './elasticsearch-failure.ts'
import { type AlertState, groupMarks, markAll, type ReadAlerts, stateOf } from './elasticsearch-mark.ts'
import { STATUS_SCRIPT, TAG_SCRIPT } from './elasticsearch-script.ts'
import { type Proxies, proxyFor } from './http-dispatcher.ts'
import { readCertificates } from './tls.ts'

export interface ElasticsearchOptions {
  readonly url: string
  /** Encoded, as Kibana shows it. */
  readonly apiKey: string
  /** PEM file of a private authority; null: the usual ones. */
  readonly caFile: string | null
  /** The spaces that `probe` looks at. */
  readonly spaces: readonly string[]
  /** What the environment says of proxies; the client does not read it by itself. */
  readonly proxy?: Proxies | null
  /** For one call, in milliseconds; absent: 30,000. */
  readonly timeoutMs?: number
}

/** Marks alerts straight in the index, one update for all that are to become the same, with the rules of `judge` in the update itself. */
export function createElasticsearchSiem(options: ElasticsearchOptions): Siem {
  const client = createElasticsearchClient(options)
  const read = createAlertReader(client)
  return {
    mark: (marks) => markAll(marks, { read, blind: true, act: (space, some) => update(client, space, some) }),
    probe: () => probe(client, options.spaces, ['read', 'write', 'maintenance']),
  }
}

/** Never sends a call twice by itself. */
export function createElasticsearchClient(options: ElasticsearchOptions): Client {
  const ca = readCertificates(options.caFile, 'ELASTIC_CA_FILE')
  const proxy = proxyFor(options.url, options.proxy ?? null)
  const client = new Client({
    node: options.url,
    auth: { apiKey: options.apiKey },
    maxRetries: 0,
    requestTimeout: options.timeoutMs ?? 30_000,
    ...(ca === null ? {} : { tls: { ca } }),
    ...(proxy === null ? {} : { proxy, Connection: HttpConnection }),
  })
  client.diagnostic.on('response', (error) => strikeOut(options.apiKey, error))
  return client
}

/** Reads through the alias of a space's alerts. Half an answer is a failure: an alert that a slow shard holds is not unknown. */
export function createAlertReader(client: Client): ReadAlerts {
  return async (space, ids) => {
    const found = await asOurs(() =>
      client.search({
        index: aliasOf(space),
        size: ids.length,
        track_total_hits: false,
        allow_partial_search_results: false,
        query: { terms: { _id: [...ids] } },
        _source: ['kibana.alert.workflow_status', 'kibana.alert.workflow_tags', 'signal.status'],
      }),
    )
    return statesIn(found, 'Elasticsearch')
  }
}

/** The alerts in the answer of a search; throws when it is incomplete or no such answer. */
export function statesIn(answer: unknown, who: string): Map<string, AlertState> {
  const { timed_out, _shards, hits } = (answer ?? {}) as {
    timed_out?: unknown
    _shards?: { failed?: unknown }
    hits?: { hits?: unknown }
  }
  if (!Array.isArray(hits?.hits)) throw new Error(`${who} answered a search with something that is no list of hits`)
  if (timed_out === true || (_shards?.failed ?? 0) !== 0)
    throw new Error(`${who} could search only a part of the alerts`)
  return new Map(
    (hits.hits as ({ _id?: unknown; _source?: unknown } | null)[]).flatMap((hit) =>
      typeof hit?._id === 'string' ? [[hit._id, stateOf(hit._source)]] : [],
    ),
  )
}

/** Throws what keeps this API key from these privileges, or a space from having alerts. */
export async function probe(client: Client, spaces: readonly string[], privileges: readonly string[]): Promise<void> {
  const names = spaces.map(aliasOf)
  const has = await privilegesOn(client, names, privileges)
  const missing = has === null ? [] : names.filter((name) => privileges.some((each) => has[name]?.[each] !== true))
  if (missing.length > 0) {
    const mend = `give the key of ELASTICSEARCH_API_KEY ${privileges.join(', ')} on it`
    throw new RefusedError('elastic', `The API key may not do its work on ${missing.join(', ')}; ${mend}`)
  }
  for (const index of names) await asOurs(() => client.search({ index, size: 0, track_total_hits: false }))
}

/** null: this cluster does not know privileges, because its security is switched off. */
async function privilegesOn(client: Client, names: readonly string[], privileges: readonly string[]) {
  const index = [{ names: [...names], privileges: [...privileges] as ('read' | 'write')[] }]
  try {
    const { index: found } = Object(await client.security.hasPrivileges({ index })) as { index?: unknown }
    if (!isObject(found)) throw new Error('Elasticsearch answered a question about privileges with something else')
    return found as Readonly<Record<string, Readonly<Record<string, boolean>> | null>>
  } catch (error) {
    if (error instanceof errors.ResponseError && NO_SUCH_CALL.includes(error.statusCode ?? 0)) return null
    throw fromClient(error)
  }
}

const NO_SUCH_CALL = [400, 404, 405]

/** Every alert of one call is to become the same, so that the call can be understood, and judged in an audit log, as it stands. */
async function update(client: Client, space: string, marks: readonly Mark[]): Promise<boolean> {
  let certain = true
  for (const some of groupMarks(marks)) certain = (await updateAlike(client, space, some)) && certain
  return certain
}

async function updateAlike(client: Client, space: string, marks: readonly [Mark, ...Mark[]]): Promise<boolean> {
  const [{ status, tag }] = marks
  const answer = await asOurs(() =>
    client.updateByQuery({
      index: aliasOf(space),
      // Without it an update ends at the first alert that somebody else writes to at this moment.
      conflicts: 'proceed',
      refresh: true,
      query: { terms: { _id: marks.map((mark) => mark.id) } },
      script:
        status === null
          ? { lang: 'painless', source: TAG_SCRIPT, params: { tag } }
          : { lang: 'painless', source: STATUS_SCRIPT, params: { status, tag, now: new Date().toISOString() } },
    }),
  )
  if (!isObject(answer)) throw new Error('Elasticsearch answered an update with something that is no account of it')
  const failures: unknown[] = [answer.failures ?? []].flat()
  if (failures.length > 0) throw new Error(`Elasticsearch could not update alerts: ${reasonIn(failures[0])}`)
  if (answer.timed_out) throw new Error('Elasticsearch could not update all alerts in time')
  // The script leaves alone, as a noop, what must not be marked: where every alert was updated, none is to be looked at.
  return answer.updated === marks.length && (answer.total ?? answer.updated) === marks.length
}

function reasonIn(failure: unknown): string {
  const { reason } = Object(Object(failure).cause) as { reason?: unknown }
  return typeof reason === 'string' ? reason.slice(0, 400) : 'no reason given'
}

function aliasOf(space: string): string {
  return `.alerts-security.alerts-${space}`
}
