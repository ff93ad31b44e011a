import { isIPv6 } from 'node:net'
import { configForCheck } from '../config.ts'
import type { Environment } from '../config-environment.ts'
import { messageOf } from '../errors.ts'
import { underPause } from './paused.ts'
import { CliError, EXIT } from './terminal.ts'

/** Calls the ops API of a running Portcullis. A failure is a CliError whose code the command ends with. */
export interface Client {
  readonly url: string
  get(path: string): Promise<Answer>
  post(path: string, body: unknown): Promise<Answer>
  delete(path: string, body: unknown): Promise<Answer>
}

export type Answer = Readonly<Record<string, unknown>> & { readonly message?: string }

const TIMEOUT_MS = 60_000
const PLAIN: Parameters<typeof underPause>[2] = { paint: (_colour, text) => text, now: () => new Date() }

/**
 * Where PORTCULLIS_URL says, else on this machine at OPS_PORT, with PORTCULLIS_TOKEN, else the first OPS_TOKEN, else the
 * first OPS_READ_TOKEN.
 */
export function createClient(env: Environment): Client {
  const { config } = configForCheck(env)
  const url = (env.PORTCULLIS_URL || urlOf(config.opsHost, config.opsPort)).replace(/\/+$/, '')
  const token = env.PORTCULLIS_TOKEN || config.opsTokens[0]?.value || config.opsReadTokens[0]?.value
  if (!URL.canParse(url)) throw new CliError(EXIT.badInput, `PORTCULLIS_URL is no URL: ${url}`)
  if (!token) {
    throw new CliError(
      EXIT.badInput,
      'OPS_TOKEN is not set: put it into the environment or .env, as the service has it, or run this where .env is.',
    )
  }

  async function call(method: string, path: string, body?: unknown): Promise<Answer> {
    const answer = await send(url + path, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      // A token must not follow to wherever something else on this port points.
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    const json = await readJson(answer, url)
    if (answer.ok) return json
    const message = typeof json.message === 'string' ? json.message : ''
    // That nothing is known of somebody may be for the pause.
    throw failureOf(answer.status, answer.status === 404 ? underPause(json, message, PLAIN) : message, url)
  }

  return {
    url,
    get: (path) => call('GET', path),
    post: (path, body) => call('POST', path, body),
    delete: (path, body) => call('DELETE', path, body),
  }
}

/** What listens everywhere is reached here. */
function urlOf(host: string, port: number): string {
  const near = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `http://${isIPv6(near) ? `[${near}]` : near}:${port}`
}

async function send(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init)
  } catch (error) {
    const { code } = Object((error as Error).cause) as { code?: unknown }
    const why = typeof code === 'string' ? code : messageOf(error)
    const { origin } = new URL(url)
    throw new CliError(
      EXIT.failed,
      `Portcullis does not answer at ${origin} (${why}). Is it running? PORTCULLIS_URL names another place.`,
      { cause: error },
    )
  }
}

async function readJson(answer: Response, url: string): Promise<Answer> {
  try {
    const json: unknown = JSON.parse(await answer.text())
    if (typeof json === 'object' && json !== null) return json as Answer
  } catch {
    // Said below.
  }
  throw new CliError(EXIT.failed, `What answers at ${url} is not Portcullis (status ${answer.status}).`)
}

function failureOf(status: number, message: string, url: string): CliError {
  if (status === 401)
    return new CliError(
      EXIT.failed,
      `Portcullis at ${url} refused the token: OPS_TOKEN must be one that the service was started with.`,
    )
  if (status === 404) return new CliError(EXIT.notFound, message)
  if (status === 400 || status === 422) return new CliError(EXIT.badInput, message)
  return new CliError(EXIT.failed, message || `Portcullis answered ${status}.`)
}
