import assert from 'node:assert/strict'
import { request as httpRequest, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { listen } from '../../src/receiver/listen.ts'
import { createReceiver } from '../../src/receiver/receiver.ts'
import { until } from '../support/stores-jobs.ts'

// Node looks at its connections every so often; what is allowed in between is shortened here.
const LOOKS_EVERY_MS = 5_000
const SHORT_MS = 300

const HEAD = [
  'POST /webhooks/elastic HTTP/1.1',
  'Host: x',
  'Authorization: Bearer secret',
  'Content-Type: application/json',
]
const SENDERS: readonly (readonly [string, string, string])[] = [
  ['headers that never end', `${HEAD.join('\r\n')}\r\nX-`, 'a'],
  ['a first line that never ends', 'POST /', 'a'],
  ['a body that never ends', `${[...HEAD, 'Content-Length: 100000'].join('\r\n')}\r\n\r\n`, ' '],
  ['chunks that never end', `${[...HEAD, 'Transfer-Encoding: chunked'].join('\r\n')}\r\n\r\n`, '1\r\n \r\n'],
  ['one huge chunk that never ends', `${[...HEAD, 'Transfer-Encoding: chunked'].join('\r\n')}\r\n\r\nfffff\r\n`, ' '],
  ['nothing at all', '', ''],
]

describe('a sender that dawdles', { concurrency: true }, () => {
  let server: Server
  before(async () => {
    server = await serve(() => undefined)
  })
  after(() => end(server))

  it('has 10 s for the headers and a minute for all', () => {
    assert.deepEqual([server.headersTimeout, server.requestTimeout], [10_000, 60_000])
    Object.assign(server, { headersTimeout: SHORT_MS, requestTimeout: SHORT_MS })
  })

  for (const [what, first, more] of SENDERS)
    it(`is cut off, with a word: ${what}`, { timeout: 60_000 }, async () => {
      const begun = Date.now()
      const answer = await dawdle((server.address() as AddressInfo).port, first, more)
      // Node’s look may come just before the time is over.
      assert.ok(Date.now() - begun < 2 * LOOKS_EVERY_MS + 5_000)
      if (first !== '')
        assert.match(answer, /^HTTP\/1\.1 408 .*\{"message":"The request took too long to arrive\."\}$/s)
    })

  it('keeps nobody else waiting: two hundred of them', async (t) => {
    const results: string[] = []
    const calm = await serve((result) => void results.push(result))
    t.after(() => end(calm))
    const sockets = new Set<Socket>()
    calm.on('connection', (socket) => void sockets.add(socket.once('close', () => sockets.delete(socket))))
    const { port } = calm.address() as AddressInfo
    const [, head = ''] = SENDERS[2] ?? []
    const slow = Array.from({ length: 200 }, () => dawdle(port, head, ''))
    await until(() => sockets.size === 200)
    for (const status of await Promise.all(
      Array.from({ length: 20 }, (_, n) => post(port, `[{"_id":"a${n}","source":{"ip":"198.51.100.1"}}]`)),
    ))
      assert.equal(status, 202)
    await until(() => sockets.size <= 200)
    assert.equal(sockets.size, 200, 'all of them dawdle still: they have a minute')
    calm.closeAllConnections()
    await Promise.all(slow)
    assert.equal(results.includes('failed'), false)
  })
})

async function serve(webhook: (result: string) => void): Promise<Server> {
  const app = createReceiver({
    secrets: [{ name: '', value: 'secret' }],
    bodyLimit: 1_000_000,
    trustProxy: null,
    spaces: ['default'],
    accept: async (alerts) => ({ accepted: alerts.length, duplicates: 0, unmatched: 0 }),
    storeReady: () => true,
    queueRoom: () => true,
    events: { webhook, incomplete: () => undefined },
  })
  return listen(app, { host: '127.0.0.1', port: 0 })
}

async function end(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve))
  server.closeAllConnections()
  await closed
}

/** Says the first words, then a little every 20 ms, and never ends; resolves with what it is told once it is cut off. */
function dawdle(port: number, first: string, more: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = ''
    let drip: NodeJS.Timeout | undefined
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(first)
      drip = setInterval(() => more !== '' && socket.writable && socket.write(more), 20)
    })
    socket.setEncoding('utf8').on('data', (chunk) => {
      answer += chunk
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearInterval(drip)
      resolve(answer)
    })
  })
}

function post(port: number, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: 'Bearer secret', 'content-type': 'application/json' }
    const sent = httpRequest({
      port,
      host: '127.0.0.1',
      method: 'POST',
      path: '/webhooks/elastic',
      headers,
      agent: false,
    })
    sent.on('response', (answer) => {
      answer.resume()
      resolve(answer.statusCode ?? 0)
    })
    sent.on('error', reject)
    sent.end(body)
  })
}
