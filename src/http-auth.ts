import { createHash, timingSafeEqual } from 'node:crypto'
import type { Request, Response } from 'express'
import { ipKeyGenerator, rateLimit } from 'express-rate-limit'
import type { Secret } from './config.ts'

/** Tells who knows a secret, on both ports. */
export interface HttpAuth<S extends Secret> {
  /**
   * The secret that the request presents, as `Authorization: Bearer <secret>` or as the password of Basic; null when it
   * presents none of ours. Reads the headers only. Takes as long for a near miss as for any other.
   */
  identify(req: Request): S | null
  /**
   * Counts a failure and says how it is to be answered: `too-many` above 20 a minute from one address (an IPv6 /56). Right
   * secrets are never counted: behind a proxy everybody may seem to come from one address, and a stranger must not shut
   * out the others.
   */
  failed(req: Request, res: Response): Promise<'wrong' | 'too-many'>
}

/** How long an address that failed too often is refused at most, ms. */
export const AUTH_WINDOW_MS = 60_000
const MAX_FAILURES = 20

export function createHttpAuth<S extends Secret>(secrets: readonly S[]): HttpAuth<S> {
  const known = secrets.map((secret) => ({ secret, digest: digest(secret.value) }))
  const limit = rateLimit({
    windowMs: AUTH_WINDOW_MS,
    limit: MAX_FAILURES,
    keyGenerator: (req) => ipKeyGenerator(req.ip ?? ''),
    standardHeaders: false,
    legacyHeaders: false,
    // Its checks print to the console; `trust proxy` is the operator's own setting here.
    validate: false,
    handler: (_req, _res, next) => next('too-many'),
  })
  return {
    identify(req) {
      const presented = presentedSecret(req.headers.authorization)
      if (presented === null) return null
      const given = digest(presented)
      // Digests are of one length, as timingSafeEqual wants it; all are compared, so that time does not tell which was near.
      return known.filter((one) => timingSafeEqual(one.digest, given))[0]?.secret ?? null
    },
    failed: (req, res) =>
      new Promise((resolve) => {
        void limit(req, res, (verdict?: unknown) => resolve(verdict === undefined ? 'wrong' : 'too-many'))
      }),
  }
}

/** How the secret was sent; a browser sends Basic by itself once it knows the password, also on behalf of other sites. */
export function schemeOf(req: Request): 'bearer' | 'basic' | null {
  const scheme = /^(Bearer|Basic) /i.exec(req.headers.authorization ?? '')?.[1]?.toLowerCase()
  return scheme === 'bearer' || scheme === 'basic' ? scheme : null
}

function presentedSecret(header: string | undefined): string | null {
  const [, scheme, credentials] = /^(Bearer|Basic) +(.+)$/i.exec(header ?? '') ?? []
  if (scheme === undefined || credentials === undefined) return null
  // Header values are bytes, which Node gives as Latin-1.
  if (scheme.toLowerCase() === 'bearer') return Buffer.from(credentials.trim(), 'latin1').toString('utf8')
  const decoded = Buffer.from(credentials, 'base64').toString('utf8')
  const colon = decoded.indexOf(':')
  return colon < 0 ? null : decoded.slice(colon + 1)
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
