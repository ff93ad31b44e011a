/** Trying again cannot help: the request itself is wrong. Everything that is not one of these may be tried again. */
export class PermanentError extends Error {
  override name = 'PermanentError'
}

/** A part refused our credentials (401, 403) or does not exist: only a person can mend it, so work parks under `part`. */
export class RefusedError extends Error {
  override name = 'RefusedError'
  /** `cloudflare`, `elastic`, or `host:<name>` of an http step: a label of `degraded`. */
  readonly part: string
  constructor(part: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.part = part
  }
}

/** Worth another try, and the other side said when. */
export class RetryLaterError extends Error {
  override name = 'RetryLaterError'
  readonly retryAfterMs: number
  constructor(message: string, retryAfterMs: number, options?: ErrorOptions) {
    super(message, options)
    this.retryAfterMs = retryAfterMs
  }
}

/** The store cannot be reached or refused a write: webhooks answer 503. */
export class StoreError extends Error {
  override name = 'StoreError'
}

/** The message of anything thrown, for people. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
