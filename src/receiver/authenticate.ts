import { createHash, timingSafeEqual } from 'node:crypto'
import type { NextFunction, Request, Response } from 'express'
import { ipKeyGenerator, rateLimit } from 'express-rate-limit'
import type { Secret } from '../config.ts'
import { Refusal } from './refusal.ts'

/**
 * Lets through who knows one of the secrets, as `Authorization: Bearer <secret>` or as the password of Basic; any other
 * request gets 401, and 429 above 20 a minute from one address (an IPv6 /56). Reads the headers only. Right secrets are never counted:
 * behind a proxy everybody may seem to come from one address, and a stranger must not shut out the SIEM.
 */
export function authenticate(secrets: readonly Secret[]) {
  const digests = secrets.map(({ value }) => digest(value))
  const limitFailures = rateLimit({
    windowMs: WINDOW_MS,
    limit: MAX_FAILURES,
    keyGenerator: (req) => ipKeyGenerator(req.ip ?? ''),
    standardHeaders: false,
    legacyHeaders: false,
    // Its checks print to the console; `trust proxy` is the operator's own setting here.
    validate: false,
    handler: (_req, _res, next) => next(tooManyFailures()),
  })
  return (req: Request, res: Response, next: NextFunction): void => {
    const presented = presentedSecret(req.headers.authorization)
    if (presented !== null && isOneOf(digest(presented), digests)) next()
    else void limitFailures(req, res, (error?: unknown) => next(error ?? unauthorized()))
  }
}

const MAX_FAILURES = 20
const WINDOW_MS = 60_000

function unauthorized(): Refusal {
  const message =
    'The secret is missing or wrong: send "Authorization: Bearer <WEBHOOK_SECRET>", or Basic with it as the password.'
  return new Refusal('unauthorized', 401, message, { 'WWW-Authenticate': 'Bearer, Basic realm="portcullis"' })
}

function tooManyFailures(): Refusal {
  const message = 'Too many requests with a missing or wrong secret from this address. Try again in a minute.'
  return new Refusal('rate-limited', 429, message, { 'Retry-After': String(WINDOW_MS / 1000) })
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

/** Digests are of one length, as timingSafeEqual wants it; all are compared, so that time does not tell which was near. */
function isOneOf(presented: Buffer, digests: readonly Buffer[]): boolean {
  return digests.filter((known) => timingSafeEqual(known, presented)).length > 0
}
