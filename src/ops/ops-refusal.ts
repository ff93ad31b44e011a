import type { NextFunction, Request, Response } from 'express'
import { StoreError } from '../errors.ts'

type Headers = Readonly<Record<string, string | string[]>>

/** A request that gets this answer and nothing else. */
export class OpsRefusal extends Error {
  override name = 'OpsRefusal'
  readonly status: number
  readonly headers: Headers
  /** More keys of the answer, beside `message`. */
  readonly extra: Readonly<Record<string, unknown>>

  constructor(status: number, message: string, headers: Headers = {}, extra: object = {}) {
    super(message)
    this.status = status
    this.headers = headers
    this.extra = { ...extra }
  }
}

/** Answers everything thrown with a JSON object that has a `message`; what was not foreseen gives nothing away. */
export function answerError(onUnforeseen: (error: unknown) => void) {
  return (error: unknown, req: Request, res: Response, _next: NextFunction): void => {
    const refusal = refusalOf(error)
    if (refusal.status === 500) onUnforeseen(error)
    if (res.headersSent) {
      req.socket.destroy()
      return
    }
    res.status(refusal.status).set(refusal.headers)
    res.json({ message: refusal.message, ...refusal.extra })
  }
}

function refusalOf(error: unknown): OpsRefusal {
  if (error instanceof OpsRefusal) return error
  if (error instanceof StoreError) {
    return new OpsRefusal(503, 'The store cannot be reached; try again in a moment.', { 'Retry-After': '10' })
  }
  const { status, type } = Object(error) as { status?: unknown; type?: unknown }
  if (type === 'entity.too.large') return new OpsRefusal(413, 'The body is too large.')
  if (type === 'entity.parse.failed') return new OpsRefusal(400, 'The body is not JSON.')
  if (typeof status === 'number' && status >= 400 && status < 500)
    return new OpsRefusal(status, 'The request cannot be read.')
  return new OpsRefusal(500, 'Portcullis failed to handle this; its log says why.')
}
