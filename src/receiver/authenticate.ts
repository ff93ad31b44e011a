import type { NextFunction, Request, Response } from 'express'
import type { Secret } from '../config.ts'
import { AUTH_WINDOW_MS, createHttpAuth } from '../http-auth.ts'
import { Refusal } from './refusal.ts'

/** Lets through who knows one of the secrets; any other request gets 401, and 429 when its address tries too often. */
export function authenticate(secrets: readonly Secret[]) {
  const auth = createHttpAuth(secrets)
  return async (req: Request, res: Response, next: NextFunction): Promise<void> => {
    if (auth.identify(req) !== null) next()
    else throw (await auth.failed(req, res)) === 'too-many' ? tooManyFailures() : unauthorized()
  }
}

function unauthorized(): Refusal {
  const message =
    'The secret is missing or wrong: send "Authorization: Bearer <WEBHOOK_SECRET>", or Basic with it as the password.'
  return new Refusal('unauthorized', 401, message, { 'WWW-Authenticate': 'Bearer, Basic realm="portcullis"' })
}

function tooManyFailures(): Refusal {
  const message = 'Too many requests with a missing or wrong secret from this address. Try again in a minute.'
  return new Refusal('rate-limited', 429, message, { 'Retry-After': String(AUTH_WINDOW_MS / 1000) })
}
