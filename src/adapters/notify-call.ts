import { type Dispatcher, request } from 'undici'
import { PermanentError, RetryLaterError } from '../errors.ts'
import { createDispatcher } from './http-dispatcher.ts'
import { isTimeout, whyUnreachable } from './http-failure.ts'

/** Where and how to call. Messages name the host and `name` alone: addresses of chats are secrets. */
export interface OutsideCall {
  /** The variable that the URL came from. */
  readonly name: string
  readonly url: string
  readonly method: 'GET' | 'POST'
  /** The content type of `body`. */
  readonly type?: string
  readonly body?: string
  readonly timeoutMs: number
  readonly dispatcher?: Dispatcher
}

const DEFAULT_RETRY_AFTER_MS = 30_000
// Too early, too many, or a server's own trouble: worth another try.
const PASSING = [408, 409, 425]

/** One call, redirects not followed, its answer not read. Failures: RetryLaterError, PermanentError, Error. */
export async function callOutside(call: OutsideCall): Promise<void> {
  const { name, method, timeoutMs } = call
  const url = new URL(call.url)
  const { username, password, host } = url
  url.username = ''
  url.password = ''
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  let status: number
  let headers: Record<string, string | string[] | undefined>
  try {
    const answer = await request(url, {
      method,
      dispatcher: call.dispatcher ?? dispatcherOf(url),
      signal: AbortSignal.timeout(timeoutMs),
      headers: {
        'user-agent': 'portcullis',
        ...(call.type === undefined ? {} : { 'content-type': call.type }),
        ...(login === ':' ? {} : { authorization: `Basic ${Buffer.from(login).toString('base64')}` }),
      },
      ...(call.body === undefined ? {} : { body: call.body }),
    })
    status = answer.statusCode
    headers = answer.headers
    await answer.body.dump()
  } catch (error) {
    const why = isTimeout(error) ? `no answer within ${timeoutMs / 1000} s` : whyUnreachable(error)
    throw new Error(`${host} (${name}) cannot be reached: ${why}`)
  }
  if (status >= 200 && status < 300) return
  if (status === 429 || status === 503)
    throw new RetryLaterError(`${host} (${name}) takes no more calls for now (${status})`, retryAfter(headers))
  if (status < 500 && !PASSING.includes(status))
    throw new PermanentError(`${host} (${name}) refused the call (${status}); check the address and the body`)
  throw new Error(`${host} (${name}) failed (${status})`)
}

const dispatchers = new Map<string, Dispatcher>()

/** One for each place called; there are two at most. */
function dispatcherOf(url: URL): Dispatcher {
  const known = dispatchers.get(url.origin) ?? createDispatcher(url.href)
  dispatchers.set(url.origin, known)
  return known
}

/** Seconds, or a date. */
function retryAfter(headers: Readonly<Record<string, string | string[] | undefined>>): number {
  const given = String(headers['retry-after'] ?? '')
  const seconds = given === '' ? Number.NaN : Number(given)
  const ms = Number.isNaN(seconds) ? Date.parse(given) - Date.now() : seconds * 1000
  return Number.isNaN(ms) ? DEFAULT_RETRY_AFTER_MS : Math.max(1_000, ms)
}
