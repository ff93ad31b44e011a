import { RetryLaterError } from '../errors.ts'
import { asObject, type Envelope, parseEnvelope } from './cloudflare-answer.ts'
import { isBusy, type ListAnswer, leadsNowhere, listFailure } from './cloudflare-list-failure.ts'
import { type CloudflareHttpOptions, createCloudflareSend, type SentCall } from './cloudflare-send.ts'

export interface CloudflareListHttpOptions extends CloudflareHttpOptions {
  readonly accountId: string
}

/** `path`: behind `/accounts/<id>/rules/lists`. */
export type ListCall = SentCall

export interface ListResult {
  readonly result: unknown
  /** The cursor of the next page; null: this was the last one. */
  readonly next: string | null
}

/** null: Cloudflare says that what the path names does not exist. */
export type CloudflareListHttp = (call: ListCall) => Promise<ListResult | null>

/** Calls about an account's lists, with failures told apart as in errors.ts. */
export function createCloudflareListHttp(options: CloudflareListHttpOptions): CloudflareListHttp {
  const send = createCloudflareSend(options)
  const base = `/accounts/${encodeURIComponent(options.accountId)}/rules/lists`
  return async (call) => {
    const raw = await send({ ...call, path: base + call.path })
    const envelope = parseEnvelope(raw, options.token)
    if (envelope.failure === null) return { result: envelope.result, next: nextIn(envelope.json) }
    // A page of somebody's proxy says nothing about the list: only Cloudflare's own words do.
    if (envelope.status === 404 && envelope.codes.length > 0 && !leadsNowhere(envelope)) return null
    const answer: ListAnswer = { envelope, retryAfter: raw.retryAfter, write: call.method !== 'GET' }
    if (envelope.failure instanceof RetryLaterError && !isBusy(answer))
      await options.budget.close(new Date(Date.now() + envelope.failure.retryAfterMs))
    throw listFailure(envelope.failure, answer, options.accountId)
  }
}

function nextIn(json: Envelope['json']): string | null {
  const after = asObject(asObject(json?.result_info)?.cursors)?.after
  return typeof after === 'string' && after !== '' ? after : null
}
