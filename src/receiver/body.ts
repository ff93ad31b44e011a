import type { NextFunction, Request, Response } from 'express'
import { Refusal } from './refusal.ts'

/** Takes JSON and NDJSON in UTF-8, and requests that do not say what they carry. */
export function refuseContentType(req: Request, _res: Response, next: NextFunction): void {
  const header = req.headers['content-type'] || 'application/json'
  const [type = '', ...parameters] = header
    .toLowerCase()
    .split(';')
    .map((part) => part.trim())
  if (!JSON_TYPE.test(type)) {
    // Kibana sends a body for which no header was set as a form.
    throw unsupported(
      `Content-Type is ${JSON.stringify(type)}. Set the header "Content-Type: application/json" in the connector.`,
    )
  }
  const charset = parameters.find((parameter) => parameter.startsWith('charset='))?.slice('charset='.length)
  if (charset !== undefined && !/^"?(?:utf-?8|us-ascii)"?$/.test(charset)) {
    throw unsupported(`The charset ${JSON.stringify(charset)} is not taken, only utf-8 is.`)
  }
  next()
}

/** The text of a body as express.raw leaves it: a Buffer, or nothing for an empty one. Anything but UTF-8 is a 400. */
export function decodeBody(body: unknown): string {
  if (!Buffer.isBuffer(body)) return ''
  try {
    return UTF8.decode(body)
  } catch {
    throw new Refusal('not-json', 400, 'The body is not JSON: it is not UTF-8.')
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true })

const JSON_TYPE = /^application\/(?:json|x-ndjson|ndjson|[\w.-]+\+json)$/

function unsupported(message: string): Refusal {
  return new Refusal('unsupported', 415, message)
}
