import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createFaults, type Fault, type Faults } from './faults.ts'
import { type KeptPort, keepPort } from './kept-port.ts'

/** One call as it arrived. */
export interface Call {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface Answer {
  readonly status: number
  /** A string is sent as it is, null as an empty body, anything else as JSON. */
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export interface SeenCall {
  readonly method: string
  /** With the query. */
  readonly path: string
  /** 0 until it is answered; stays 0 where no answer was given. */
  status: number
  /** Milliseconds since the epoch. */
  readonly at: number
  /** The fault that it met; null: none. */
  fault: Fault['kind'] | null
}

export interface WorldServer {
  /** `http://127.0.0.1:<port>` */
  readonly origin: string
  readonly faults: Faults
  /** Every call since the start. */
  readonly calls: SeenCall[]
  /** How many calls of this method, and with this part in the path, arrived. */
  count(method?: string, path?: string): number
  /** Refuses connections until `up`. */
  down(): Promise<void>
  up(): Promise<void>
  close(): Promise<void>
}

export interface ServerOptions {
  /** 0 or absent: a free one. */
  readonly port?: number | undefined
  /** How long every call takes: half of it passes before it is applied, half before it is answered. */
  latencyMs(): number
  handle(call: Call): Answer | Promise<Answer>
  /** Told of every call before anything is done; what it gives back is called when the server is through with it. */
  onArrival?(call: Call): () => void
  /** What a switched-on 429 looks like here. */
  rateLimited(retryAfter: number | undefined): Answer
}

/** A server on 127.0.0.1 that answers by one function, with the faults of `faults.ts` around it. */
export async function startServer(options: ServerOptions): Promise<WorldServer> {
  const faults = createFaults()
  const calls: SeenCall[] = []
  const server = createServer((request, response) => {
    serve(options, faults, calls, request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy()
      else send(response, { status: 500, body: `simulator: ${error instanceof Error ? error.stack : error}` })
    })
  })
  server.keepAliveTimeout = 60_000
  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, '127.0.0.1', () => {
        server.off('error', reject)
        resolve()
      })
    })
  const shut = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  await listen(options.port ?? 0)
  const { port } = server.address() as AddressInfo
  let kept: KeptPort | null = null
  const vacant = async (): Promise<void> => {
    await kept?.leave()
    kept = null
  }
  return {
    origin: `http://127.0.0.1:${port}`,
    faults,
    calls,
    count: (method, path = '') =>
      calls.filter((call) => (method === undefined || call.method === method) && call.path.includes(path)).length,
    async down() {
      kept ??= await keepPort(port, shut)
    },
    async up() {
      await vacant()
      await listen(port)
    },
    async close() {
      await vacant()
      await shut()
    },
  }
}

async function serve(
  options: ServerOptions,
  faults: Faults,
  calls: SeenCall[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const call = await readCall(request)
  const seen: SeenCall = { method: call.method, path: request.url ?? '/', status: 0, at: Date.now(), fault: null }
  calls.push(seen)
  const over = options.onArrival?.(call)
  try {
    await answerCall(options, faults, call, seen, request, response)
  } finally {
    over?.()
  }
}

async function answerCall(
  options: ServerOptions,
  faults: Faults,
  call: Call,
  seen: SeenCall,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const fault = faults.take(call.method, seen.path)
  seen.fault = fault?.kind ?? null
  const answered = (answer: Answer): void => {
    seen.status = answer.status
    send(response, answer)
  }
  const half = async (): Promise<void> => {
    if (options.latencyMs() > 0) await sleep(options.latencyMs() / 2)
  }

  if (fault?.kind === 'hang') return
  if (fault?.kind === 'reset') return void request.socket.destroy()
  if (fault?.kind === 'delay') await sleep(fault.ms)
  if (fault?.kind === 'hold') {
    fault.gate.arrive()
    await fault.gate.opened
  }
  await half()
  if (fault?.kind === 'answer') return answered(replacement(fault))
  if (fault?.kind === 'rate-limit') return answered(options.rateLimited(fault.retryAfter))

  const answer = await options.handle(call)
  if (fault?.kind === 'hold-answer') {
    fault.gate.arrive()
    await fault.gate.opened
  }
  await half()
  if (fault?.kind === 'lost') return void request.socket.destroy()
  if (fault?.kind === 'reset-in-answer' || fault?.kind === 'truncated') {
    seen.status = answer.status
    return sendHalf(response, answer, fault.kind === 'reset-in-answer')
  }
  answered(fault?.kind === 'body' ? { ...answer, body: fault.body } : answer)
}

async function readCall(request: IncomingMessage): Promise<Call> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const url = new URL(request.url ?? '/', 'http://127.0.0.1')
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(request.headers)) headers[name] = String(value)
  return {
    method: request.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    headers,
    body: Buffer.concat(chunks).toString('utf8'),
  }
}

function replacement(fault: Extract<Fault, { kind: 'answer' }>): Answer {
  return { status: fault.status, body: fault.body, ...(fault.headers ? { headers: fault.headers } : {}) }
}

function send(response: ServerResponse, answer: Answer): void {
  if (response.destroyed) return
  const { body, headers } = encode(answer)
  response.writeHead(answer.status, headers)
  response.end(body)
}

function sendHalf(response: ServerResponse, answer: Answer, broken: boolean): void {
  const { body, headers } = encode(answer)
  const half = body.slice(0, Math.ceil(body.length / 2))
  if (!broken) {
    response.writeHead(answer.status, headers)
    response.end(half)
    return
  }
  response.writeHead(answer.status, { ...headers, 'content-length': String(Buffer.byteLength(body)) })
  response.write(half, () => response.socket?.destroy())
}

function encode(answer: Answer): { body: string; headers: Record<string, string> } {
  if (answer.body === null) return { body: '', headers: { ...answer.headers } }
  const text = typeof answer.body === 'string'
  return {
    body: text ? (answer.body as string) : JSON.stringify(answer.body),
    headers: { 'content-type': text ? 'text/html; charset=UTF-8' : 'application/json', ...answer.headers },
  }
}
