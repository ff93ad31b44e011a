import { StoreError } from '../errors.ts'
import type { WebhookResult } from './receiver-events.ts'

/** A request that gets this answer and nothing else. */
export class Refusal extends Error {
  override name = 'Refusal'
  readonly result: WebhookResult
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** More keys of the answer, beside `message`. */
  readonly extra: Readonly<Record<string, unknown>>

  constructor(
    result: WebhookResult,
    status: number,
    message: string,
    headers: Readonly<Record<string, string>> = {},
    extra: object = {},
  ) {
    super(message)
    this.result = result
    this.status = status
    this.headers = headers
    this.extra = { ...extra }
  }
}

/** The answer to anything thrown while a request was handled; what we did not foresee is a 500 that gives nothing away. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  if (error instanceof StoreError) {
    const message = 'The store cannot be reached, so nothing was accepted. Send this again later.'
    return new Refusal('store-down', 503, message, { 'Retry-After': '10' })
  }
  const { type, status, message } = describe(error)
  if (type === 'entity.too.large') return new Refusal('too-large', 413, 'The body is larger than BODY_LIMIT allows.')
  if (type === 'encoding.unsupported') {
    return new Refusal('unsupported', 415, 'Content-Encoding must be gzip, deflate, br or absent.')
  }
  if (status >= 400 && status < 500) return new Refusal('not-json', 400, `The request cannot be read: ${message}`)
  return new Refusal('failed', 500, 'Portcullis failed to handle this; its log says why.')
}

function describe(error: unknown): { type: unknown; status: number; message: string } {
  const { type, status } = Object(error) as { type?: unknown; status?: unknown }
  return {
    type,
    status: typeof status === 'number' ? status : 500,
    message: error instanceof Error ? error.message : String(error),
  }
}
