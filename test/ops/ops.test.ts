import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { banOf, READ_TOKEN, startOps, TOKEN } from './harness.ts'

let ops: Awaited<ReturnType<typeof startOps>>
let ready = true
before(async () => {
  ops = await startOps({
    storeReady: async () => ready,
    degraded: () => [{ part: 'cloudflare', reason: 'the token was refused (403)' }],
  })
  await ops.putBans(
    banOf('192.0.2.7'),
    banOf('198.51.100.0/24', { lastSeen: '2026-01-02T00:00:00.000Z' }),
    banOf('192.0.2.9', { edges: { shop: { held: false, since: '2026-01-01T00:00:00.000Z', why: 'edge-full' } } }),
    banOf('2001:db8:1::/64', {
      reasons: [
        { origin: 'edge', id: 'shop', note: '<b>x</b>', at: '', durationMs: null, until: null, edges: ['shop'] },
      ],
    }),
  )
})
after(() => ops.stop())

describe('the ops port', () => {
  it('shows its health to everybody', async () => {
    assert.equal((await ops.call('/healthz', { token: null })).status, 200)
    const answer = await ops.call('/readyz', { token: null })
    assert.equal(answer.status, 200)
    assert.deepEqual(answer.json.degraded, [{ part: 'cloudflare', reason: 'the token was refused (403)' }])
  })

  it('is not ready only while a webhook could not be stored', async () => {
    ready = false
    assert.equal((await ops.call('/readyz', { token: null })).status, 503)
    ready = true
  })

  it('shows nothing else without a token', async () => {
    for (const path of ['/', '/metrics', '/queues', '/queues/api/queues', '/api/status', '/api/bans', '/nothing']) {
      const answer = await ops.call(path, { token: null })
      assert.equal(answer.status, 401, path)
      assert.match(answer.headers.get('www-authenticate') ?? '', /^Basic realm=/)
    }
  })

  it('takes the token as Bearer and as the password of Basic', async () => {
    const basic = `Basic ${Buffer.from(`anybody:${TOKEN}`).toString('base64')}`
    assert.equal((await ops.call('/metrics', { token: null, headers: { authorization: basic } })).status, 200)
    const answer = await ops.call('/metrics')
    assert.equal(answer.text, 'portcullis_bans 1\n')
    assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
  })

  it('lets a reading token read and change nothing', async () => {
    assert.equal((await ops.call('/api/status', { token: READ_TOKEN })).status, 200)
    for (const path of ['/api/resume', '/api/replay', '/api/bans', '/queues/api/queues/alerts/retry/failed'])
      assert.equal((await ops.post(path, {}, { token: READ_TOKEN })).status, 403, path)
  })

  it('may not be shown inside another page', async () => {
    for (const path of ['/healthz', '/api/status', '/queues/']) {
      const policy = (await ops.call(path)).headers.get('content-security-policy') ?? ''
      assert.match(policy, /frame-ancestors 'none'/, path)
      assert.doesNotMatch(policy, /script-src[^;]*unsafe/, path)
    }
  })

  it('answers what it does not know with a message', async () => {
    for (const [path, status] of [
      ['/nothing', 404],
      ['/api/nothing', 404],
      ['/api/bans/1.2.3.4.5', 400],
      ['/api/bans?state=gone', 400],
      ['/api/bans?limit=many', 400],
      ['/api/bans/%zz', 400],
    ] as const) {
      const answer = await ops.call(path)
      assert.equal(answer.status, status, path)
      assert.equal(typeof answer.json.message, 'string', path)
    }
    const broken = await ops.call('/api/resume', {
      method: 'POST',
      body: '{',
      headers: { 'content-type': 'application/json' },
    })
    assert.equal(broken.status, 400)
  })
})

describe('requests from other sites', () => {
  const basic = `Basic ${Buffer.from(`x:${TOKEN}`).toString('base64')}`
  const resume = async (headers: Record<string, string>) =>
    (await ops.post('/api/resume', {}, { token: null, headers: { authorization: basic, ...headers } })).status

  it('change nothing through a browser that knows the password', async () => {
    assert.equal(await resume({ 'sec-fetch-site': 'cross-site' }), 403)
    assert.equal(await resume({ 'sec-fetch-site': 'same-site' }), 403)
    assert.equal(await resume({ origin: 'https://evil.example' }), 403)
    assert.equal(await resume({ origin: 'null' }), 403)
    assert.equal(await resume({ 'content-type': 'text/plain' }), 403)
    assert.equal(ops.resumed.length, 0)
  })

  it('are told from our own pages and from scripts', async () => {
    assert.equal(await resume({ 'sec-fetch-site': 'same-origin' }), 200)
    assert.equal(await resume({ origin: ops.url }), 200)
    assert.equal(await resume({}), 200)
    assert.deepEqual(ops.resumed[0], { edge: null, by: 'alice' })
  })
})

describe('the bans', () => {
  const addresses = async (query: string) =>
    (await ops.call(`/api/bans${query}`)).json.bans.map((ban: { address: string }) => ban.address)

  it('are listed with their state, the newest first', async () => {
    const { total, bans } = (await ops.call('/api/bans')).json
    assert.equal(total, 4)
    assert.equal(bans[0].address, '198.51.100.0/24')
    const states = Object.fromEntries(bans.map((ban: { address: string; state: string }) => [ban.address, ban.state]))
    assert.deepEqual(states, {
      '192.0.2.7': 'held',
      '192.0.2.9': 'waiting',
      '198.51.100.0/24': 'held',
      '2001:db8:1::/64': 'held',
    })
  })

  it('are filtered, sorted and limited', async () => {
    assert.deepEqual(await addresses('?state=waiting'), ['192.0.2.9'])
    assert.deepEqual(await addresses('?origin=edge'), ['2001:db8:1::/64'])
    assert.deepEqual(await addresses('?sort=address&limit=2'), ['192.0.2.7', '192.0.2.9'])
    assert.deepEqual(await addresses('?edge=shop&state=waiting'), ['192.0.2.9'])
  })

  it('are found by any address that they cover', async () => {
    for (const path of ['/api/bans/198.51.100.44', '/api/bans?address=198.51.100.44', '/api/bans/198.51.100.0%2F24']) {
      const answer = await ops.call(path)
      assert.equal(answer.status, 200, path)
      assert.equal(answer.json.bans[0].address, '198.51.100.0/24', path)
    }
    assert.equal((await ops.call('/api/bans/2001:db8:1::5')).json.bans[0].address, '2001:db8:1::/64')
    assert.equal((await ops.call('/api/bans/198.51.100.0/24')).status, 200)
    assert.equal((await ops.call('/api/bans/203.0.113.200')).status, 404)
  })
})

describe('a guess at the token', () => {
  it('is not what a browser does that asks before it knows the password', async () => {
    for (let tries = 0; tries < 30; tries++) assert.equal((await ops.call('/queues/', { token: null })).status, 401)
  })

  it('is limited, and shuts out nobody who knows it', async () => {
    let status = 0
    for (let tries = 0; tries < 60 && status !== 429; tries++)
      status = (await ops.call('/metrics', { token: `wrong-token-number-${tries}` })).status
    assert.equal(status, 429)
    assert.equal((await ops.call('/metrics')).status, 200)
  })
})
