import { lookup as resolve } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { Agent, request } from 'undici'
import { PermanentError, RefusedError, RetryLaterError } from '../errors.ts'
import type { Http, HttpRequest } from '../ports.ts'
import { isTimeout, whyUnreachable } from './http-failure.ts'
import { createTargets, type Targets } from './http-targets.ts'

export interface HttpOptions {
  /** Addresses, CIDRs and host names inside the own network that steps may call all the same. */
  readonly allowPrivateTargets: readonly string[]
  /** For one call, in milliseconds; absent: 10,000. */
  readonly timeoutMs?: number
  /** How names become addresses; absent: as the system does it. */
  readonly resolve?: LookupFunction
}

/** As much of an answer as is kept, in bytes. */
const MAX_BODY = 64 * 1024
const DEFAULT_RETRY_AFTER_MS = 30_000
const MAX_RETRY_AFTER_MS = 300_000
/** Request time-out, conflict, too early. */
const PASSING = [408, 409, 425]

/**
 * Calls for http steps. The address that a name stands for is checked when the connection is made and no other is connected to, so that
 * a name cannot point inside after it was looked at. Redirects are not followed. No proxy is used: it would resolve names by itself.
 */
export function createHttp(options: HttpOptions): Http {
  const targets = createTargets(options.allowPrivateTargets)
  const agent = new Agent({ connect: { lookup: guarded(targets, options.resolve ?? (resolve as LookupFunction)) } })
  return {
    async call(wanted) {
      const url = checkedUrl(wanted.url, targets)
      return send(wanted, url, agent, options.timeoutMs ?? 10_000)
    },
  }
}

/** Messages name the host alone: paths and queries of such addresses are often secrets. */
function checkedUrl(text: string, targets: Targets): URL {
  if (!URL.canParse(text))
    throw new PermanentError('The URL of an http step is not a URL once its template is filled in')
  const url = new URL(text)
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw new PermanentError(`An http step may call http and https addresses only, not ${url.protocol}`)
  if (url.username !== '' || url.password !== '')
    throw new PermanentError(`The URL of an http step to ${url.hostname} holds a password; send it in a header`)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (isIP(host) !== 0 && !targets.allows(host, host)) throw refusedTarget(host)
  return url
}

async function send(
  wanted: HttpRequest,
  url: URL,
  agent: Agent,
  timeoutMs: number,
): Promise<{ status: number; body: unknown }> {
  const host = url.hostname
  let status: number
  let headers: Record<string, string | string[] | undefined>
  let text: string
  try {
    const answer = await request(url, {
      method: wanted.method as 'GET',
      headers: { ...wanted.headers },
      body: wanted.body,
      dispatcher: agent,
      signal: AbortSignal.timeout(timeoutMs),
    })
    status = answer.statusCode
    headers = answer.headers
    text = await firstBytes(answer.body)
  } catch (error) {
    if (error instanceof PermanentError) throw error
    if (error instanceof Error && error.cause instanceof PermanentError) throw error.cause
    const { code } = error as { code?: unknown }
    if (code === 'UND_ERR_INVALID_ARG')
      throw new PermanentError(`The call to ${host} has a method or header that cannot be sent`)
    const why = isTimeout(error) ? `no answer within ${timeoutMs / 1000} s` : whyUnreachable(error)
    throw new Error(`${host} cannot be reached: ${why}`)
  }
  const failed = failureOf(host, status, headers)
  if (failed) throw failed
  return { status, body: parsed(text) }
}

/** What arrived within the limit; the rest is not waited for. */
async function firstBytes(body: AsyncIterable<Buffer> & { destroy(): void }): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body) {
    chunks.push(chunk)
    size += chunk.length
    if (size >= MAX_BODY) break
  }
  return Buffer.concat(chunks).subarray(0, MAX_BODY).toString('utf8')
}

function failureOf(
  host: string,
  status: number,
  headers: Readonly<Record<string, string | string[] | undefined>>,
): Error | null {
  if (status >= 200 && status < 300) return null
  if (status >= 300 && status < 400)
    return new PermanentError(
      `${host} answers with a redirect (${status}), which is not followed; use the address that it leads to`,
    )
  if (status === 401 || status === 403)
    return new RefusedError(`host:${host}`, `${host} refused the call (${status}); check the credentials in the step`)
  if (status === 429) {
    const seconds = Number(headers['retry-after'])
    const ms =
      Number.isFinite(seconds) && seconds > 0 ? Math.min(MAX_RETRY_AFTER_MS, seconds * 1000) : DEFAULT_RETRY_AFTER_MS
    return new RetryLaterError(`${host} takes no more calls for now (429)`, ms)
  }
  if (status >= 400 && status < 500 && !PASSING.includes(status))
    return new PermanentError(`${host} finds the call wrong (${status})`)
  return new Error(`${host} failed (${status})`)
}

function guarded(targets: Targets, resolveName: LookupFunction): LookupFunction {
  return (host, options, callback) => {
    resolveName(host, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, '')
      const all = Array.isArray(found) ? found : [{ address: found, family: isIP(found) }]
      const allowed = all.filter(({ address }) => targets.allows(host, address))
      const [first] = allowed
      if (!first) return callback(refusedTarget(host), '')
      if (options.all) callback(null, allowed)
      else callback(null, first.address, first.family)
    })
  }
}

function refusedTarget(host: string): PermanentError {
  return new PermanentError(
    `http steps may not call ${host}: it lies inside the own network and is not among the allowed targets`,
  )
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
