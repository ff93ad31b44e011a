import { RetryLaterError } from '../errors.ts'
import { type Envelope, parseEnvelope } from './cloudflare-answer.ts'
import { type CloudflareHttpOptions, createCloudflareSend } from './cloudflare-send.ts'

export interface CloudflareCall {
  readonly method: 'GET' | 'PUT'
  readonly path: string
  readonly body?: unknown
  /** Answers that are no failure here: HTTP status and Cloudflare's code. They make the call answer null. */
  readonly absent?: (answer: Envelope) => boolean
}

/** Gives Cloudflare's `result`, or null where the call said which failures mean "not there". */
export type CloudflareHttp = (call: CloudflareCall) => Promise<{ readonly result: unknown } | null>

/** Calls about a zone, with failures told apart as in errors.ts. */
export function createCloudflareHttp(options: CloudflareHttpOptions): CloudflareHttp {
  const send = createCloudflareSend(options)
  return async (call) => {
    const answer = parseEnvelope(await send(call), options.token)
    if (call.absent?.(answer)) return null
    if (answer.failure === null) return { result: answer.result }
    if (answer.failure instanceof RetryLaterError)
      await options.budget.close(new Date(Date.now() + answer.failure.retryAfterMs))
    throw answer.failure
  }
}
