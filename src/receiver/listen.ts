import { createServer, type RequestListener, type Server } from 'node:http'
import type { Duplex } from 'node:stream'

/**
 * Serves on that address and resolves once it listens; port 0 takes a free one. Senders that dawdle are cut off: 10 s for
 * the headers, 60 s for the whole request (Kibana itself waits no longer for an answer). Where it cannot listen, the error names
 * `settings`: the variables that host and port come from; absent: HOST and PORT.
 */
export function listen(
  app: RequestListener,
  at: { readonly host: string; readonly port: number; readonly settings?: string },
): Promise<Server> {
  const server = createServer(
    {
      headersTimeout: 10_000,
      requestTimeout: 60_000,
      connectionsCheckingInterval: 5_000,
      // Longer than the usual 60 s of proxies, so that they do not reuse a connection just as it is closed.
      keepAliveTimeout: 65_000,
    },
    app,
  )
  server.on('clientError', answerBrokenRequest)
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(cannotListen(error, at)))
    server.listen(at.port, at.host, () => {
      server.removeAllListeners('error')
      resolve(server)
    })
  })
}

function cannotListen(error: NodeJS.ErrnoException, at: { host: string; port: number; settings?: string }): Error {
  const why = WHY_NOT[error.code ?? ''] ?? error.message
  return new Error(`Nothing can listen at ${at.host}:${at.port}: ${why}. Look at ${at.settings ?? 'HOST and PORT'}.`, {
    cause: error,
  })
}

const WHY_NOT: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program has this port',
  EADDRNOTAVAIL: 'this machine does not have this address',
  EACCES: 'this user may not take this port',
}

/** What Node could not even parse never reaches Express; the sender still gets a JSON object. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const [status, message] = BROKEN[error.code ?? ''] ?? ['400 Bad Request', 'This is not HTTP.']
  const body = JSON.stringify({ message })
  const head = [
    `HTTP/1.1 ${status}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    'Connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}

const BROKEN: Readonly<Record<string, readonly [status: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'The headers are too long.'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'The request took too long to arrive.'],
}
