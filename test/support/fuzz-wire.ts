import assert from 'node:assert/strict'
import { connect } from 'node:net'
import fc from 'fast-check'
import { startReceiver } from '../receiver/harness.ts'
import { scarred, scars } from './fuzz-bytes.ts'
import type { Target } from './fuzz-run.ts'

interface Sent {
  /** Everything that is written to the connection, in base64. */
  readonly bytes: string
}

const MOST_MS = 5_000
const BODY = '{"_id":"one","source":{"ip":"198.51.100.1"}}'
const methods = ['POST', 'POST', 'POST', 'GET', 'HEAD', 'PUT', 'OPTIONS', 'TRACE', 'CONNECT', 'PRI', 'post', 'BREW', '']
const paths = [
  ...[
    '/webhooks/elastic',
    '/webhooks/elastic',
    '/webhooks/elastic/',
    '/healthz',
    '/',
    '*',
    '//',
    '/%ff',
    '/%2e%2e/%2e%2e/etc/passwd',
  ],
  ...[
    'http://169.254.169.254/webhooks/elastic',
    '/webhooks/elastic?a[b]=c&a[b][c]=d&__proto__[x]=1',
    `/${'a'.repeat(20_000)}`,
    '/\u0000',
  ],
]
const known = [
  ...['Host: x', 'Host:', 'Host: a\r\nHost: b', 'Content-Type: application/json', 'Authorization: Bearer secret'],
  ...[
    'Authorization: Bearer secret',
    'Authorization: Bearer secret',
    'Authorization: Basic !!',
    'Authorization: Bearer  ',
  ],
  ...[
    `Content-Length: ${BODY.length}`,
    'Content-Length: 0',
    'Content-Length: 7',
    'Content-Length: -1',
    'Content-Length: 1e3',
  ],
  ...[
    'Content-Length: 99999999999999999999',
    'Content-Length: 5, 5',
    'Content-Length: 0x10',
    'Transfer-Encoding: chunked',
  ],
  ...['Transfer-Encoding: chunked, gzip', 'Transfer-Encoding: \u000bchunked', 'Transfer-Encoding: identity'],
  ...['Content-Encoding: gzip', 'Content-Encoding: br', 'Expect: 100-continue', 'Expect: tea', 'Upgrade: websocket'],
  ...['Connection: upgrade', 'Connection: keep-alive', 'Connection: close', 'X-Forwarded-For: 1.2.3.4', 'X: \u0000'],
  ...[
    `X-Long: ${'a'.repeat(20_000)}`,
    'No colon at all',
    ': nothing',
    ' folded: yes',
    'Cookie: __proto__=1',
    'Trailer: X',
  ],
]
const header = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...known) },
  fc.string({ unit: 'binary', maxLength: 40 }),
)
const bodies = [
  ...[
    BODY,
    '',
    `2c\r\n${BODY}\r\n0\r\n\r\n`,
    `2C;ext="x"\r\n${BODY}\r\n0\r\nX: y\r\n\r\n`,
    `-1\r\n${BODY}`,
    `ffffffffffffffff\r\n${BODY}`,
  ],
  ...[
    `2c\n${BODY}\n0\n\n`,
    'zz\r\n',
    '0\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n',
    `${BODY}GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n`,
    '['.repeat(5_000),
  ],
]
const request = fc
  .record({
    method: fc.constantFrom(...methods),
    path: fc.constantFrom(...paths),
    version: fc.constantFrom('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/9', ''),
    headers: fc.array(header, { maxLength: 8 }),
    usual: fc.boolean(),
    end: fc.constantFrom('\r\n', '\r\n', '\r\n', '\n'),
    body: fc.constantFrom(...bodies),
  })
  .map(({ method, path, version, headers, usual, end, body }) => {
    const first = usual ? ['Host: x', 'Authorization: Bearer secret', 'Content-Type: application/json'] : []
    return `${[`${method} ${path} ${version}`, ...first, ...headers].join(end)}${end}${end}${body}`
  })

/** Bytes on a connection of the webhook port, whatever they are: answered or cut off, never by a fault of ours. */
export async function wireTarget(): Promise<{ target: Target<Sent>; close(): Promise<void> }> {
  const receiver = await startReceiver({ bodyLimit: 100_000 })
  return {
    target: {
      name: 'bytes on the wire',
      inputs: fc.tuple(request, scars(2)).map(([it, made]) => ({ bytes: scarred(it, made).toString('base64') })),
      async holds({ bytes }) {
        receiver.results.length = 0
        const answer = await exchange(receiver.port, Buffer.from(bytes, 'base64'))
        for (const [, status] of answer.matchAll(/^HTTP\/1\.1 (\d{3})/gm))
          assert.ok(Number(status) < 500, `answered ${answer.slice(0, 300)}`)
        assert.ok(!receiver.results.includes('failed'), 'failed')
      },
    },
    close: receiver.stop,
  }
}

/** Whatever the server says until it closes the connection, which it has to once we have said all. */
function exchange(port: number, bytes: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () => socket.end(bytes))
    const late = setTimeout(() => {
      socket.destroy()
      reject(
        new Error(`the connection is still open after ${MOST_MS} ms, with ${JSON.stringify(answer.slice(0, 200))}`),
      )
    }, MOST_MS)
    socket.setEncoding('latin1').on('data', (chunk) => {
      answer += chunk
    })
    // Cut off while we were still writing.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearTimeout(late)
      resolve(answer)
    })
  })
}
