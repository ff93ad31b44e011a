import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, beforeEach, describe, it } from 'node:test'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { startReceiver } from './harness.ts'

const ONE = '{"_id":"one","source":{"ip":"198.51.100.1"}}'

describe('the webhook port', () => {
  let receiver: Awaited<ReturnType<typeof startReceiver>>
  before(async () => {
    receiver = await startReceiver({
      bodyLimit: 10_000,
      spaces: ['default', 'soc'],
      secrets: [
        { name: '', value: 'secret' },
        { name: 'next', value: 'sécret-2' },
      ],
    })
  })
  after(() => receiver.stop())
  beforeEach(() => {
    receiver.accepted.length = 0
    receiver.results.length = 0
  })

  async function status(body: string | Uint8Array<ArrayBuffer> | null, headers: Record<string, string> = {}) {
    return (await receiver.send(body, headers)).status
  }

  it('takes any of the secrets, as Bearer or as the password of Basic', async () => {
    const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
    equal(await status(ONE, { authorization: 'bearer secret' }), 202)
    equal(await status(ONE, { authorization: basic('kibana:sécret-2') }), 202)
    equal(await status(ONE, { authorization: basic(':secret') }), 202)
    equal(receiver.accepted.length, 3)
  })

  it('refuses every other secret', async () => {
    for (const authorization of [
      '',
      'Bearer',
      'Bearer secre',
      'Bearer secret2',
      'secret',
      'Basic c2VjcmV0',
      'Basic !!!',
    ]) {
      const answer = await receiver.send(ONE, { authorization })
      equal(answer.status, 401, authorization)
      match(answer.body.message, /WEBHOOK_SECRET/)
      equal(answer.headers.get('www-authenticate'), 'Bearer, Basic realm="portcullis"')
    }
    equal(receiver.accepted.length, 0)
  })

  it('asks for the secret before it looks at anything else', async () => {
    equal((await receiver.send('x', { authorization: '', 'content-type': 'text/plain' })).status, 401)
    equal((await receiver.send('x', { authorization: '', 'content-encoding': 'pigeon' })).status, 401)
  })

  it('answers a wrong secret before the body has come', async () => {
    const head = await firstLine(receiver.port, 'Authorization: Bearer wrong', 'Content-Length: 9000000000')
    equal(head, 'HTTP/1.1 401 Unauthorized')
  })

  it('takes in no body that comes with a wrong secret, however large or broken', async () => {
    const answer = await receiver.send(`{"alerts": ${'['.repeat(30_000_000)}`, { authorization: 'Bearer wrong' })
    equal(answer.status, 401)
    deepEqual(receiver.results, ['unauthorized'])
  })

  it('answers a body announced as too long before it has come', async () => {
    const head = await firstLine(receiver.port, 'Authorization: Bearer secret', 'Content-Length: 10001')
    equal(head, 'HTTP/1.1 413 Payload Too Large')
  })

  it('answers what is not HTTP with JSON too', async () => {
    match(await rawExchange(receiver.port, 'nonsense\r\n\r\n'), /^HTTP\/1\.1 400 .*\{"message":".*"\}$/s)
  })

  it('refuses content that cannot be an alert by its type', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'json',
      'application/json; charset=utf-16',
    ]) {
      const answer = await receiver.send(ONE, { 'content-type': type })
      equal(answer.status, 415, type)
      equal(receiver.results.at(-1), 'unsupported')
    }
    for (const type of ['application/json; charset=UTF-8', 'application/x-ndjson', 'application/vnd.x+json', '']) {
      equal(await status(ONE, { 'content-type': type }), 202, type)
    }
  })

  it('reads compressed bodies, and no more of them than the limit once inflated', async () => {
    equal(await status(gzipSync(ONE), { 'content-encoding': 'gzip' }), 202)
    equal(await status(deflateSync(ONE), { 'content-encoding': 'deflate' }), 202)
    equal(await status(brotliCompressSync(ONE), { 'content-encoding': 'br' }), 202)
    equal(await status(gzipSync(' '.repeat(5_000_000)), { 'content-encoding': 'gzip' }), 413)
    equal(await status(ONE, { 'content-encoding': 'gzip' }), 400)
    equal(await status(ONE, { 'content-encoding': 'pigeon' }), 415)
  })

  it('refuses what is not UTF-8', async () => {
    const answer = await receiver.send(new Uint8Array([0x22, 0xff, 0x22]))
    equal(answer.status, 400)
    match(answer.body.message, /UTF-8/)
  })

  it('accepts the valid alerts and names the others', async () => {
    const answer = await receiver.send(`{"alerts":[${ONE},{"_id":7},"x",{"kibana.alert.uuid":"two"},{}]}`)
    equal(answer.status, 202)
    equal(answer.body.accepted, 2)
    deepEqual(answer.body.invalid, [
      { index: 1, errors: ['/alerts/1: _id must be string'] },
      { index: 2, errors: ['/alerts/2: must be object'] },
      { index: 4, errors: ['/alerts/4: neither _id nor kibana.alert.uuid says which alert this is'] },
    ])
    deepEqual(
      receiver.accepted.map(({ id }) => id),
      ['one', 'two'],
    )
  })

  it('refuses a body without a valid alert, with each reason', async () => {
    const answer = await receiver.send('[{"_id":7},{"_id":"a\\u0007b"}]')
    equal(answer.status, 422)
    deepEqual(answer.body.invalid, [
      { index: 0, errors: ['/0: _id must be string'] },
      { index: 1, errors: ['/1: _id must not have control characters'] },
    ])
    equal(await status('{"hello":"world"}'), 422)
    equal(await status('true'), 422)
  })

  it('takes well-formed nothing', async () => {
    for (const body of ['', ' \n', '[]', '{"alerts":[]}', '{"alerts":""}', '{"alerts":[null]}']) {
      equal(await status(body), 202, body)
    }
    equal(await status(null), 202)
    equal(receiver.results.at(-1), 'empty')
  })

  it('refuses alerts of a space that is not ours', async () => {
    const alert = (space: string) => `{"_id":"${space}","kibana.space_ids":["${space}"]}`
    const answer = await receiver.send(`[${alert('soc')},${alert('other')}]`)
    equal(answer.body.accepted, 1)
    deepEqual(answer.body.invalid, [
      { index: 1, errors: ['/1: its space "other" is not one of ELASTIC_SPACE (default, soc)'] },
    ])
    equal(receiver.accepted[0]?.space, 'soc')
  })

  it('skips building blocks by name', async () => {
    const answer = await receiver.send('{"_id":"a","kibana":{"alert":{"building_block_type":"default"}}}')
    equal(answer.status, 202)
    deepEqual(answer.body.skipped, [{ index: 0, reason: 'building-block' }])
    equal(receiver.accepted.length, 0)
  })

  it('always answers a JSON object with a message', async () => {
    const answers = [
      [await receiver.send(null, {}, { path: '/nothing' }), 404],
      [await receiver.send(null, {}, { path: '/%ff' }), 404],
      [await receiver.send(null, {}, { method: 'DELETE' }), 405],
      [await receiver.send(null, {}, { path: '/healthz', method: 'GET' }), 200],
      [await receiver.send('{'), 400],
    ] as const
    for (const [answer, expected] of answers) {
      equal(answer.status, expected)
      ok(answer.body.message.length > 0)
    }
  })
})

async function firstLine(port: number, ...headers: string[]): Promise<string> {
  const lines = ['POST /webhooks/elastic HTTP/1.1', 'Host: x', 'Content-Type: application/json', ...headers]
  const answer = await rawExchange(port, `${lines.join('\r\n')}\r\n\r\n{"alerts": not json`)
  return answer.slice(0, answer.indexOf('\r\n'))
}

/** Sends the text and resolves with the answer once its end (of a JSON object) is there. */
function rawExchange(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    socket.setEncoding('utf8').on('data', (chunk) => {
      answer += chunk
      if (!answer.endsWith('}')) return
      socket.destroy()
      resolve(answer)
    })
    socket.on('error', reject)
    socket.on('close', () => reject(new Error(`The connection ended after: ${answer}`)))
  })
}
