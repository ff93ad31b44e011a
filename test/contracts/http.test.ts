import assert from 'node:assert/strict'
import type { LookupFunction } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { createHttp } from '../../src/adapters/http.ts'
import { PermanentError, RefusedError, RetryLaterError } from '../../src/errors.ts'
import type { Http } from '../../src/ports.ts'
import { type Answer, type Call, startServer, type WorldServer } from '../../src/simulator/world-server.ts'

describe('an http step', () => {
  let server: WorldServer
  let answer: Answer = { status: 200, body: {} }
  let last: Call | null = null
  before(async () => {
    server = await startServer({
      latencyMs: () => 0,
      handle: (call) => {
        last = call
        return answer
      },
      rateLimited: (seconds) => ({
        status: 429,
        body: {},
        headers: seconds === undefined ? {} : { 'retry-after': String(seconds) },
      }),
    })
  })
  after(() => server.close())

  const inside = (timeoutMs = 2_000): Http => createHttp({ allowPrivateTargets: ['127.0.0.0/8'], timeoutMs })
  const post = (http: Http, url: string) =>
    http.call({ method: 'POST', url, headers: { 'x-token': 's3cret' }, body: '{"a":1}' })

  it('sends what it is told and gives back status and JSON', async () => {
    answer = { status: 201, body: { id: 7 } }
    assert.deepEqual(await post(inside(), `${server.origin}/hook?key=1`), { status: 201, body: { id: 7 } })
    assert.equal(last?.method, 'POST')
    assert.equal(last?.path, '/hook')
    assert.equal(last?.headers['x-token'], 's3cret')
    assert.equal(last?.body, '{"a":1}')
  })

  it('gives back text that is no JSON, and 64 kB of an answer at the most', async () => {
    answer = { status: 200, body: 'x'.repeat(5_000_000) }
    const { body } = await post(inside(), server.origin)
    assert.equal(body, 'x'.repeat(64 * 1024))
  })

  it('tells what a person must mend from what is wrong for good and what may pass', async () => {
    const fails = async (status: number): Promise<unknown> => {
      answer = { status, body: { message: 'no' } }
      return post(inside(), `${server.origin}/path-that-is-secret`).then(
        () => null,
        (error: unknown) => error,
      )
    }
    for (const status of [401, 403]) {
      const error = await fails(status)
      assert.ok(error instanceof RefusedError)
      assert.equal(error.part, 'host:127.0.0.1')
      assert.doesNotMatch(error.message, /path-that-is-secret|s3cret/)
    }
    for (const status of [400, 404, 410, 422]) assert.ok((await fails(status)) instanceof PermanentError, `${status}`)
    for (const status of [408, 500, 502, 503])
      assert.equal(((await fails(status)) as Error).constructor, Error, `${status}`)
  })

  it('does not follow a redirect', async () => {
    answer = { status: 302, body: null, headers: { location: `${server.origin}/elsewhere` } }
    const before = server.calls.length
    await assert.rejects(post(inside(), server.origin), PermanentError)
    assert.equal(server.calls.length, before + 1)
  })

  it('waits as long as a 429 says', async () => {
    server.faults.next({}, { kind: 'rate-limit', retryAfter: 12 })
    await assert.rejects(
      post(inside(), server.origin),
      (error) => error instanceof RetryLaterError && error.retryAfterMs === 12_000,
    )
  })

  it('may be tried again after a broken connection, a cut answer or silence, and is sent once each time', async () => {
    answer = { status: 200, body: { long: 'x'.repeat(1_000) } }
    for (const kind of ['reset', 'lost', 'reset-in-answer', 'hang'] as const) {
      const before = server.calls.length
      server.faults.next({}, { kind })
      // Silence alone takes its time, long enough for the call to arrive on a machine that is busy.
      const http = inside(kind === 'hang' ? 500 : 10_000)
      await assert.rejects(post(http, server.origin), (error) => (error as Error).constructor === Error, kind)
      assert.equal(server.calls.length, before + 1)
    }
  })

  it('calls nothing inside the own network that is not allowed, however it is written', async () => {
    const before = server.calls.length
    const { port } = new URL(server.origin)
    const closed = createHttp({ allowPrivateTargets: ['10.1.2.3', 'intranet.example'] })
    for (const host of [
      '127.0.0.1',
      '2130706433',
      '0x7f.1',
      '[::1]',
      '[::ffff:127.0.0.1]',
      '0.0.0.0',
      'localhost',
      '10.1.2.4',
      '169.254.169.254',
      '[fd00::1]',
      '[fe80::1]',
      '192.168.0.1',
      '100.64.0.1',
    ])
      await assert.rejects(post(closed, `http://${host}:${port}/`), PermanentError, host)
    assert.equal(server.calls.length, before)
  })

  it('connects to the address that it checked, so that a name that changes its mind does not help', async () => {
    const before = server.calls.length
    let asked = 0
    const rebinding: LookupFunction = (_host, _options, callback) => {
      asked += 1
      callback(null, [{ address: asked === 1 ? '127.0.0.1' : '93.184.215.14', family: 4 }])
    }
    const http = createHttp({ allowPrivateTargets: [], resolve: rebinding })
    await assert.rejects(post(http, `http://rebind.example:${new URL(server.origin).port}/`), PermanentError)
    assert.equal(asked, 1)
    assert.equal(server.calls.length, before)
  })

  it('calls a name inside that is allowed', async () => {
    answer = { status: 200, body: { ok: true } }
    const home: LookupFunction = (_host, _options, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }])
    const http = createHttp({ allowPrivateTargets: ['Intranet.Example'], resolve: home })
    const { status } = await post(http, `http://intranet.example:${new URL(server.origin).port}/`)
    assert.equal(status, 200)
  })

  it('refuses addresses that are none, other schemes, passwords in the address, and headers that cannot be sent', async () => {
    for (const url of ['', 'not a url', 'file:///etc/passwd', 'ftp://example.com/', 'http://user:pass@example.com/'])
      await assert.rejects(post(inside(), url), PermanentError, url)
    const broken = { method: 'POST', url: server.origin, headers: { 'x-a': 'b\r\nx-c: d' }, body: null }
    await assert.rejects(inside().call(broken), PermanentError)
  })

  it('does not start with an allowed target that nobody can be', () => {
    assert.throws(() => createHttp({ allowPrivateTargets: ['10.0.0.0/99'] }), /not an address, a CIDR or a host name/)
  })
})
