import { type Dispatcher, request } from 'undici'
import { RetryLaterError } from '../errors.ts'
import type { Budget } from '../ports.ts'
import { type Envelope, parseEnvelope } from './cloudflare-answer.ts'
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

export interface CloudflareCall {
  readonly method: 'GET' | 'PUT'
  readonly path: string
  readonly body?: unknown
  /** Answers that are no failure here: HTTP status and Cloudflare's code. They make the call answer null. */
  readonly absent?: (answer: Envelope) => boolean
}

/** Gives Cloudflare's `result`, or null where the call said which failures mean "not there". */
export type CloudflareHttp = (call: CloudflareCall) => Promise<{ readonly result: unknown } | null>

/**
 * A write that had to wait longer than this for the budget is not sent: the lease under which it was decided (30 s, of which it
 * needs 15 s at the start of the call) may be over by the time it lands.
 */
const WRITE_MAX_WAIT_MS = 4_000

/** Calls of the Cloudflare API: budget first, one call, and failures told apart as in errors.ts. Only reads are tried again, once. */
export function createCloudflareHttp(options: CloudflareHttpOptions): CloudflareHttp {
  const attempt = async (call: CloudflareCall): Promise<Envelope> => {
    const asked = performance.now()
    await options.budget.take()
    if (call.method === 'PUT' && performance.now() - asked > WRITE_MAX_WAIT_MS)
      throw new RetryLaterError(
        'The budget of Cloudflare calls kept this write waiting too long to be sent safely',
        1_000,
      )
    return send(options, call)
  }
  return async (call) => {
    let answer: Envelope
    try {
      answer = await attempt(call)
    } catch (error) {
      if (call.method !== 'GET' || !(error instanceof Error) || !isReset(error.cause)) throw error
      answer = await attempt(call)
    }
    if (call.absent?.(answer)) return null
    if (answer.failure === null) return { result: answer.result }
    if (answer.failure instanceof RetryLaterError)
      await options.budget.close(new Date(Date.now() + answer.failure.retryAfterMs))
    throw answer.failure
  }
}

async function send(options: CloudflareHttpOptions, call: CloudflareCall): Promise<Envelope> {
  const timeoutMs = options.timeoutMs ?? 10_000
  let status: number
  let text: string
  let retryAfter: string | null
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
    status = answer.statusCode
    const header = answer.headers['retry-after']
    retryAfter = typeof header === 'string' ? header : null
    text = await answer.body.text()
  } catch (cause) {
    options.onCall?.(call.method, 'failed')
    const why = isTimeout(cause) ? `no answer within ${timeoutMs / 1000} s` : whyUnreachable(cause)
    throw new Error(`Cloudflare cannot be reached: ${why}`, { cause })
  }
  options.onCall?.(call.method, status)
  return parseEnvelope({ status, text, retryAfter, secret: options.token })
}
