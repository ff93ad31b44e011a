import type { NextFunction, Request, Response } from 'express'
import type { Secret } from '../config.ts'
import { AUTH_WINDOW_MS, createHttpAuth, schemeOf } from '../http-auth.ts'
import { OpsRefusal } from './ops-refusal.ts'

interface Holder extends Secret {
  readonly mayWrite: boolean
}

/**
 * Lets through who knows a token; those of `readTokens` may only read. Whatever changes something must not come from
 * another site by way of a browser that knows the password.
 */
export function authorize(tokens: readonly Secret[], readTokens: readonly Secret[]) {
  const auth = createHttpAuth<Holder>([
    ...tokens.map((secret) => ({ ...secret, mayWrite: true })),
    ...readTokens.map((secret) => ({ ...secret, mayWrite: false })),
  ])
  return async (req: Request, res: Response, next: NextFunction): Promise<void> => {
    const holder = auth.identify(req)
    // A browser asks without the password first, for every file of a page: that is no guess.
    if (req.headers.authorization === undefined) throw unauthorized()
    if (holder === null) throw (await auth.failed(req, res)) === 'too-many' ? tooManyFailures() : unauthorized()
    if (!READS.includes(req.method)) {
      if (!holder.mayWrite) throw new OpsRefusal(403, 'This token may only read; OPS_TOKEN may change things.')
      refuseOtherSites(req)
    }
    res.locals[HOLDER] = holder.name || 'operator'
    next()
  }
}

/** The name of the token's holder, for the history. */
export function holderOf(res: Response): string {
  return String(res.locals[HOLDER] ?? 'operator')
}

const HOLDER = 'holder'
const READS: readonly string[] = ['GET', 'HEAD']

/**
 * Browsers say where a request comes from; whoever says nothing must send JSON, or delete without a body, which no form of another
 * site can.
 */
function refuseOtherSites(req: Request): void {
  if (schemeOf(req) === 'bearer') return
  const site = req.headers['sec-fetch-site']
  const { origin, 'content-type': type } = req.headers
  const own =
    site !== undefined
      ? site === 'same-origin'
      : origin !== undefined
        ? URL.parse(origin)?.host === (req.headers.host ?? '')
        : type === undefined
          ? req.method === 'DELETE'
          : /^application\/json\b/i.test(type)
  if (own) return
  throw new OpsRefusal(
    403,
    'This request seems to come from another site. Send the token as "Authorization: Bearer <OPS_TOKEN>", or the body as application/json.',
  )
}

function unauthorized(): OpsRefusal {
  const message =
    'The token is missing or wrong: send "Authorization: Bearer <OPS_TOKEN>", or Basic with it as the password.'
  // A header each: browsers do not look for Basic behind another scheme.
  return new OpsRefusal(401, message, { 'WWW-Authenticate': ['Basic realm="portcullis", charset="UTF-8"', 'Bearer'] })
}

function tooManyFailures(): OpsRefusal {
  const message = 'Too many requests with a missing or wrong token from this address. Try again in a minute.'
  return new OpsRefusal(429, message, { 'Retry-After': String(AUTH_WINDOW_MS / 1000) })
}
