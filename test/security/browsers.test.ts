import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { startOps, TOKEN } from '../ops/harness.ts'

/* Browsers send a password that they know by themselves, whichever page asks. */

const BASIC = `Basic ${Buffer.from(`x:${TOKEN}`).toString('base64')}`
const ORDERS: readonly (readonly [string, string])[] = [
  ['POST', '/api/bans'],
  ['POST', '/api/unban'],
  ['DELETE', '/api/bans/192.0.2.7'],
  ['POST', '/api/allowlist'],
  ['DELETE', '/api/allowlist'],
  ['POST', '/api/adopt'],
  ['POST', '/api/pause'],
  ['POST', '/api/resume'],
  ['POST', '/api/replay'],
  ['POST', '/api/import'],
  ['POST', '/api/explain'],
  ['PUT', '/queues/api/queues/alerts/a1/retry'],
  ['PUT', '/queues/api/queues/alerts/retry/failed'],
  ['PUT', '/queues/api/queues/pause'],
  ['POST', '/queues/api/queues/alerts/add'],
]
const JSON_TYPE = { 'content-type': 'application/json' }
/** What a browser says of a request that another page makes, as old and as new as browsers are. */
const ELSEWHERE: readonly (readonly [string, Record<string, string>])[] = [
  ['another site', { ...JSON_TYPE, 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
  ['another site that names our origin', { ...JSON_TYPE, 'sec-fetch-site': 'cross-site' }],
  ['another port of this machine', { ...JSON_TYPE, 'sec-fetch-site': 'same-site', origin: 'http://127.0.0.1:3000' }],
  ['a link that was typed or opened by a program', { ...JSON_TYPE, 'sec-fetch-site': 'none' }],
  ['an older browser, another site', { ...JSON_TYPE, origin: 'https://evil.example' }],
  ['an older browser, a sandboxed frame', { ...JSON_TYPE, origin: 'null' }],
  ['an older browser, our host at another port', { ...JSON_TYPE, origin: 'http://127.0.0.1:3000' }],
  ['an older browser, a name that begins like ours', { ...JSON_TYPE, origin: 'http://127.0.0.1.evil.example' }],
  ['a form without an origin', { 'content-type': 'application/x-www-form-urlencoded' }],
  ['a form that pretends to be JSON', { 'content-type': 'text/plain' }],
  ['a form with files', { 'content-type': 'multipart/form-data; boundary=x' }],
  ['a type that begins like JSON', { 'content-type': 'application/jsonp' }],
]

let ops: Awaited<ReturnType<typeof startOps>>
before(async () => {
  ops = await startOps()
})
after(() => ops.stop())

const ask = (method: string, path: string, headers: Record<string, string>) =>
  ops.call(path, { method, token: null, headers, ...(method === 'GET' ? {} : { body: '{}' }) })

describe('an order that a browser was made to send', () => {
  for (const [who, headers] of ELSEWHERE)
    it(`is refused at every door: ${who}`, async () => {
      const before = await ops.records.count('history')
      for (const [method, path] of ORDERS)
        assert.equal((await ask(method, path, { authorization: BASIC, ...headers })).status, 403, `${method} ${path}`)
      assert.equal(await ops.records.count('history'), before)
      assert.deepEqual([ops.replayed, ops.resumed, ops.ordered], [[], [], []])
    })

  it('cannot be asked for beforehand: no answer lets another origin in', async () => {
    for (const path of ['/api/bans', '/queues/api/queues', '/metrics', '/readyz']) {
      const asked = { origin: 'https://evil.example', 'access-control-request-method': 'POST' }
      for (const [method, headers] of [
        ['OPTIONS', asked],
        ['OPTIONS', { ...asked, authorization: BASIC }],
        ['GET', { origin: 'https://evil.example', authorization: BASIC }],
      ] as const) {
        const answer = await ask(method, path, headers)
        for (const name of answer.headers.keys()) assert.doesNotMatch(name, /^access-control-/, `${method} ${path}`)
      }
    }
  })

  it('does nothing as a GET, which a picture or a link can send', async () => {
    const before = await ops.records.count('history')
    for (const [, path] of ORDERS)
      for (const more of ['', '?_method=POST', '?address=192.0.2.7&reason=x'])
        assert.notEqual((await ask('GET', path + more, { authorization: BASIC })).status, 500)
    const override = { authorization: BASIC, 'x-http-method-override': 'DELETE' }
    await ask('GET', '/api/bans/192.0.2.7', override)
    assert.equal(await ops.records.count('history'), before)
    assert.deepEqual([ops.replayed, ops.resumed, ops.ordered], [[], [], []])
  })

  it('is taken from our own page, and from who sends a token', async () => {
    const own = { ...JSON_TYPE, authorization: BASIC, 'sec-fetch-site': 'same-origin', origin: ops.url }
    assert.equal((await ask('POST', '/api/resume', own)).status, 200)
    const bearer = { ...JSON_TYPE, authorization: `Bearer ${TOKEN}`, 'sec-fetch-site': 'cross-site' }
    assert.equal((await ask('POST', '/api/resume', bearer)).status, 200)
  })

  it('is taken from a script that knows the password and deletes without a body: no page can send that unasked', async () => {
    const lift = (headers: Record<string, string>) =>
      ops.call('/api/bans/192.0.2.7', { method: 'DELETE', token: null, headers: { authorization: BASIC, ...headers } })
    assert.equal((await lift({})).status, 404)
    for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { origin: 'https://evil.example' }, { origin: 'null' }])
      assert.equal((await lift(headers)).status, 403, JSON.stringify(headers))
  })
})

describe('every page and answer of the ops port', () => {
  const PATHS = [
    '/',
    '/healthz',
    '/readyz',
    '/metrics',
    '/queues/',
    '/queues/api/queues',
    '/api/status',
    '/api/nothing',
  ]

  it('may not be framed, guessed at, kept or embedded elsewhere', async () => {
    for (const path of PATHS)
      for (const token of [TOKEN, null]) {
        const { headers } = await ops.call(path, { token })
        const policy = headers.get('content-security-policy') ?? ''
        assert.match(policy, /(^|;)default-src 'none'/, path)
        assert.match(policy, /frame-ancestors 'none'/, path)
        assert.match(policy, /base-uri '(none|self)'/, path)
        assert.doesNotMatch(policy, /unsafe-eval|\*|http:|script-src[^;]*unsafe/, path)
        assert.match(headers.get('x-frame-options') ?? '', /^(DENY|SAMEORIGIN)$/, path)
        assert.equal(headers.get('x-content-type-options'), 'nosniff', path)
        assert.match(headers.get('cache-control') ?? '', /no-store/, path)
        assert.equal(headers.get('cross-origin-resource-policy'), 'same-origin', path)
        assert.equal(headers.get('referrer-policy'), 'no-referrer', path)
        assert.equal(headers.get('x-powered-by'), null, path)
      }
  })

  it('has nothing for a page that made its name point here: the browser has no password for that name', async () => {
    const port = Number(new URL(ops.url).port)
    for (const path of ['/', '/metrics', '/queues/', '/api/status', '/api/bans'])
      assert.match(await asHost(port, 'rebound.evil.example', path), /^HTTP\/1\.1 401 /, path)
  })

  it('shows texts of others as data only: never as HTML', async () => {
    const markup = '<img src=x onerror=alert(1)>'
    for (const path of [
      `/api/bans/${encodeURIComponent(markup)}`,
      `/${encodeURIComponent(markup)}`,
      `/api/history?before=${encodeURIComponent(markup)}`,
      `/queues/${encodeURIComponent(markup)}`,
    ]) {
      const { headers, text } = await ops.call(path)
      if (headers.get('content-type')?.startsWith('application/json')) continue
      assert.ok(!text.includes(markup), path)
    }
  })
})

/** fetch does not let a caller choose its Host. */
function asHost(port: number, host: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () =>
      socket.end(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`),
    )
    socket.setEncoding('utf8').on('data', (chunk) => {
      answer += chunk
    })
    socket.on('close', () => resolve(answer))
    socket.on('error', reject)
  })
}
