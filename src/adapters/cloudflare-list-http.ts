import { type Dispatcher, request } from 'undici'
import { RetryLaterError } from '../errors.ts'
import type { Budget } from '../ports.ts'
import { asObject, type Envelope, parseEnvelope } from './cloudflare-answer.ts'
import { isBusy, type ListAnswer, leadsNowhere, listFailure, whatIsWrong } from './cloudflare-list-failure.ts'
import { isReset, isTimeout, whyUnreachable } from './http-failure.ts'

export interface CloudflareListHttpOptions {
  /** Ends without a slash, `https://api.cloudflare.com/client/v4`. */
  readonly apiUrl: string
  readonly token: string
  readonly accountId: string
  readonly budget: Budget
  readonly dispatcher: Dispatcher
  /** Told of every call that was sent; `failed`: no whole answer arrived. */
  readonly onCall?: ((method: string, status: number | 'failed') => void) | undefined
  /** For one call, in milliseconds; absent: 10,000. */
  readonly timeoutMs?: number | undefined
}

export interface ListCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Behind `/accounts/<id>/rules/lists`. */
  readonly path: string
  readonly body?: unknown
}

export interface ListResult {
  readonly result: unknown
  /** The cursor of the next page; null: this was the last one. */
  readonly next: string | null
}

/** null: Cloudflare says that what the path names does not exist. */
export type CloudflareListHttp = (call: ListCall) => Promise<ListResult | null>

/** As for rules: a write that waited longer for the budget may land when the lease it was decided under is over. */
const WRITE_MAX_WAIT_MS = 4_000

/** Calls about an account's lists: budget first, one call, and failures told apart as in errors.ts. Only reads are tried again, once. */
export function createCloudflareListHttp(options: CloudflareListHttpOptions): CloudflareListHttp {
  const attempt = async (call: ListCall): Promise<Sent> => {
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
    let sent: Sent
    try {
      sent = await attempt(call)
    } catch (error) {
      if (call.method !== 'GET' || !(error instanceof Error) || !isReset(error.cause)) throw error
      sent = await attempt(call)
    }
    const { envelope, next } = sent
    if (envelope.failure === null) return { result: envelope.result, next }
    // A page of somebody's proxy says nothing about the list: only Cloudflare's own words do.
    if (envelope.status === 404 && envelope.codes.length > 0 && !leadsNowhere(envelope)) return null
    const answer: ListAnswer = { ...sent, write: call.method !== 'GET' }
    if (envelope.failure instanceof RetryLaterError && !isBusy(answer))
      await options.budget.close(new Date(Date.now() + envelope.failure.retryAfterMs))
    throw listFailure(envelope.failure, answer, options.accountId)
  }
}

interface Sent {
  readonly envelope: Envelope
  readonly next: string | null
  readonly said: string
  readonly retryAfter: string | null
}

async function send(options: CloudflareListHttpOptions, call: ListCall): Promise<Sent> {
  const timeoutMs = options.timeoutMs ?? 10_000
  const base = `${options.apiUrl}/accounts/${encodeURIComponent(options.accountId)}/rules/lists`
  let status: number
  let text: string
  let retryAfter: string | null
  try {
    const answer = await request(base + call.path, {
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
  const envelope = parseEnvelope({ status, text, retryAfter, secret: options.token })
  const json = parseJson(text)
  const after = asObject(asObject(asObject(json)?.result_info)?.cursors)?.after
  const next = typeof after === 'string' && after !== '' ? after : null
  return { envelope, next, said: whatIsWrong(json, status, options.token), retryAfter }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
