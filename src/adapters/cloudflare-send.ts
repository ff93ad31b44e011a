import { type Dispatcher, request } from 'undici'
import { RetryLaterError } from '../errors.ts'
import type { Budget } from '../ports.ts'
import type { RawAnswer } from './cloudflare-answer.ts'
import { isReset, isTimeout, whyUnreachable } from './http-failure.ts'

export interface CloudflareHttpOptions {
  /** Ends without a slash, `https://api.cloudflare.com/client/v4`. */
  readonly apiUrl: string
  readonly token: string
  readonly budget: Budget
  readonly dispatcher: Dispatcher
  /** Told of every call that was sent; `failed`: no whole answer arrived. */
  readonly onCall?: ((method: string, status: number | 'failed') => void) | undefined
  /** For one call, in milliseconds; absent: 10,000. */
  readonly timeoutMs?: number | undefined
}

export interface SentCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  readonly body?: unknown
}

/**
 * A write that had to wait longer than this for the budget is not sent: the lease under which it was decided (25 s are left, of
 * which it needs 15 s at the start of the call) may be over by the time it lands. A store that takes 2 s to answer keeps it
 * waiting for 4 s.
 */
const WRITE_MAX_WAIT_MS = 9_000

/** One call of the Cloudflare API: budget first, then the call. Only a read whose connection was reset is tried again, once. */
export function createCloudflareSend(options: CloudflareHttpOptions): (call: SentCall) => Promise<RawAnswer> {
  const attempt = async (call: SentCall): Promise<RawAnswer> => {
    const asked = performance.now()
    await options.budget.take()
    if (call.method !== 'GET' && performance.now() - asked > WRITE_MAX_WAIT_MS)
      throw new RetryLaterError(
        'The budget of Cloudflare calls kept this write waiting too long to be sent safely',
        1_000,
      )
    return send(options, call)
  }
  return async (call) => {
    try {
      return await attempt(call)
    } catch (error) {
      if (call.method !== 'GET' || !(error instanceof Error) || !isReset(error.cause)) throw error
      return attempt(call)
    }
  }
}

async function send(options: CloudflareHttpOptions, call: SentCall): Promise<RawAnswer> {
  const timeoutMs = options.timeoutMs ?? 10_000
  let sent: RawAnswer
  try {
    const answer = await request(options.apiUrl + call.path, {
      method: call.method,
      dispatcher: options.dispatcher,
      signal: AbortSignal.timeout(timeoutMs),
      headers: {
        authorization: `Bearer ${options.token}`,
        accept: 'application/json',
        ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    })
    const header = answer.headers['retry-after']
    const retryAfter = typeof header === 'string' ? header : null
    sent = { status: answer.statusCode, text: await answer.body.text(), retryAfter }
  } catch (cause) {
    options.onCall?.(call.method, 'failed')
    const why = isTimeout(cause) ? `no answer within ${timeoutMs / 1000} s` : whyUnreachable(cause)
    throw new Error(`Cloudflare cannot be reached: ${why}`, { cause })
  }
  options.onCall?.(call.method, sent.status)
  return sent
}
