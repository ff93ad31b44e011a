import { errors } from '@elastic/elasticsearch'
import { RefusedError, RetryLaterError } from '../errors.ts'
import { whyUnreachable } from './http-failure.ts'

/** Elastic says seldom how long it is overloaded. */
const DEFAULT_RETRY_AFTER_MS = 10_000
/** As for Cloudflare. */
const MAX_RETRY_AFTER_MS = 300_000

/** An answer of Elasticsearch or Kibana that is no success, as one of errors.ts. `key` names the setting of the API key. */
export function elasticFailure(what: {
  readonly who: 'Elasticsearch' | 'Kibana'
  readonly key: string
  readonly status: number
  readonly reason: string
  readonly retryAfter: unknown
}): Error {
  const { who, key, status } = what
  const reason = what.reason ? `: ${what.reason.slice(0, 400)}` : ''
  if (status === 401)
    return new RefusedError('elastic', `${who} does not know the API key (401${reason}); check ${key}`)
  if (status === 403)
    return new RefusedError(
      'elastic',
      `${who} forbids what the API key asked for (403${reason}); check the privileges of ${key}`,
    )
  if (status === 404)
    return new RefusedError(
      'elastic',
      `${who} has no alerts of this space (404${reason}); check ELASTIC_SPACE and the URL`,
    )
  if (status === 429) {
    const seconds = Number(what.retryAfter)
    const ms =
      Number.isFinite(seconds) && seconds > 0 ? Math.min(MAX_RETRY_AFTER_MS, seconds * 1000) : DEFAULT_RETRY_AFTER_MS
    return new RetryLaterError(`${who} is overloaded (429${reason})`, ms)
  }
  return new Error(`${who} answered ${status}${reason}`)
}

/** What Elasticsearch, or a proxy before it, says of a failure is shown to people: a key that it repeats is taken out. */
export function strikeOut(apiKey: string, error: unknown): void {
  if (!(error instanceof errors.ResponseError) || apiKey === '') return
  error.meta.body = JSON.parse(JSON.stringify(error.meta.body ?? null).replaceAll(apiKey, '***'))
}

/** A call of the official client whose failures are those of errors.ts. */
export async function asOurs<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    throw fromClient(error)
  }
}

/** What the official client throws, as one of errors.ts. */
export function fromClient(error: unknown): Error {
  if (error instanceof RefusedError || error instanceof RetryLaterError) return error
  if (error instanceof errors.ResponseError) {
    return elasticFailure({
      who: 'Elasticsearch',
      key: 'ELASTICSEARCH_API_KEY',
      status: error.statusCode ?? 0,
      reason: reasonOf(error.body),
      retryAfter: error.headers?.['retry-after'],
    })
  }
  if (error instanceof errors.ProductNotSupportedError)
    return new Error('What answers at ELASTICSEARCH_URL is not Elasticsearch: its answer lacks the product header')
  if (error instanceof errors.TimeoutError) return new Error('Elasticsearch did not answer in time')
  if (error instanceof errors.ConnectionError || error instanceof errors.NoLivingConnectionsError)
    return new Error(`Elasticsearch cannot be reached: ${whyBroken(error.message)}`)
  if (error instanceof errors.DeserializationError)
    return new Error('Elasticsearch answered with something that is not JSON')
  return error instanceof Error ? error : new Error(String(error))
}

/** The client keeps the words of a broken connection, not its code. */
const CODES: readonly [RegExp, string][] = [
  [/self.signed certificate/i, 'SELF_SIGNED_CERT_IN_CHAIN'],
  [/unable to (verify|get)/i, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  [/certificate has expired/i, 'CERT_HAS_EXPIRED'],
  [/altnames/i, 'ERR_TLS_CERT_ALTNAME_INVALID'],
  [/other side closed|socket hang up/i, 'ECONNRESET'],
]

function whyBroken(message: string): string {
  const known = CODES.find(([words]) => words.test(message))?.[1]
  const code = known ?? /\b(E[A-Z_]{4,}|ERR_[A-Z_]+)\b/.exec(message)?.[1]
  if (code === undefined) return message.slice(0, 200)
  return whyUnreachable(Object.assign(new Error(message), { code }), 'ELASTIC_CA_FILE')
}

function reasonOf(body: unknown): string {
  const { error, failures } = (body ?? {}) as {
    error?: { reason?: unknown } | string
    failures?: { cause?: { reason?: unknown } }[]
  }
  const reason = typeof error === 'string' ? error : (error?.reason ?? failures?.[0]?.cause?.reason)
  return typeof reason === 'string' ? reason : ''
}
