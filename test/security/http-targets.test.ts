import assert from 'node:assert/strict'
import type { LookupFunction } from 'node:net'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { createHttp } from '../../src/adapters/http.ts'
import { createTargets } from '../../src/adapters/http-targets.ts'
import { PermanentError } from '../../src/errors.ts'
import { startServer, type WorldServer } from '../../src/simulator/world-server.ts'

const OUTSIDE = ['8.8.8.8', '93.184.215.14', '2606:4700::1111', '2a00:1450:4001:80b::200e']
/** This machine, the own network, those of others, and where clouds keep credentials; in every notation a URL may have. */
const INSIDE = [
  ...[
    '127.0.0.1',
    '127.1',
    '127.0.1',
    '2130706433',
    '0x7f000001',
    '0177.0.0.1',
    '0x7f.0.0.1',
    '127.0.0.1.',
    '127。0。0。1',
  ],
  ...['0', '0.0.0.0', '0.1.2.3', '10.0.0.1', '012.0.0.1', '0xa.1', '172.16.0.1', '172.31.255.255', '192.168.0.1'],
  ...['169.254.169.254', '2852039166', '0xa9fea9fe', '0251.0376.0251.0376', '169.254.43518', '169.254.170.2'],
  ...[
    '100.64.0.1',
    '100.100.100.200',
    '198.18.0.1',
    '192.0.0.8',
    '192.0.0.192',
    '192.88.99.1',
    '224.0.0.1',
    '240.0.0.1',
  ],
  ...[
    '255.255.255.255',
    '[::1]',
    '[::]',
    '[0:0:0:0:0:0:0:1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::127.0.0.1]',
  ],
  ...[
    '[::7f00:1]',
    '[::a9fe:a9fe]',
    '[64:ff9b::127.0.0.1]',
    '[64:ff9b::a9fe:a9fe]',
    '[64:ff9b:1::1]',
    '[2002:7f00:1::]',
  ],
  ...[
    '[2001::1]',
    '[fe80::1]',
    '[fec0::1]',
    '[fc00::1]',
    '[fd00:ec2::254]',
    '[ff02::1]',
    '[100::1]',
    '[4000::1]',
    '[e000::1]',
  ],
]

describe('an http step', () => {
  let server: WorldServer
  let location = ''
  before(async () => {
    server = await startServer({
      latencyMs: () => 0,
      rateLimited: () => ({ status: 429, body: {} }),
      handle: () => (location === '' ? { status: 200, body: {} } : { status: 307, body: null, headers: { location } }),
    })
  })
  after(() => server.close())

  const port = () => new URL(server.origin).port
  const get = (http: ReturnType<typeof createHttp>, url: string) =>
    http.call({ method: 'GET', url, headers: {}, body: null })
  const resolvingTo =
    (...addresses: string[]): LookupFunction =>
    (_host, options, callback) => {
      const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
      if (options.all) callback(null, found)
      else callback(null, found[0]?.address ?? '', found[0]?.family ?? 4)
    }

  for (const host of INSIDE)
    it(`does not call ${host}`, async () => {
      const before = server.calls.length
      const http = createHttp({ allowPrivateTargets: [], timeoutMs: 20_000, resolve: resolvingTo('127.0.0.1') })
      await assert.rejects(get(http, `http://${host}:${port()}/`), PermanentError)
      assert.equal(server.calls.length, before)
    })

  it('does not call a name that stands for an address inside, whichever of its addresses that is', async () => {
    const before = server.calls.length
    for (const addresses of [
      ['127.0.0.1'],
      ['::1'],
      ['169.254.169.254'],
      ['::ffff:127.0.0.1'],
      ['::7f00:1'],
      ['10.0.0.1', 'fd00::1'],
    ]) {
      const http = createHttp({ allowPrivateTargets: [], timeoutMs: 20_000, resolve: resolvingTo(...addresses) })
      for (const name of ['inside.example', 'localhost', 'metadata.google.internal', '127.0.0.1.nip.example'])
        await assert.rejects(get(http, `http://${name}:${port()}/`), PermanentError, `${name} ${addresses}`)
    }
    assert.equal(server.calls.length, before)
  })

  it('does not follow a redirect to the inside, nor to anywhere', async () => {
    const http = createHttp({ allowPrivateTargets: ['127.0.0.1'], timeoutMs: 20_000 })
    for (location of [
      'http://169.254.169.254/latest/meta-data/',
      `${server.origin}/again`,
      '//[::1]/',
      'file:///etc/passwd',
    ]) {
      const before = server.calls.length
      await assert.rejects(get(http, `${server.origin}/`), /redirect/, location)
      assert.equal(server.calls.length, before + 1)
    }
    location = ''
  })

  it('calls what is allowed, and nothing beside it', async () => {
    const http = createHttp({ allowPrivateTargets: ['127.0.0.1'], timeoutMs: 20_000 })
    assert.equal((await get(http, `${server.origin}/`)).status, 200)
    await assert.rejects(get(http, `http://127.0.0.2:${port()}/`), PermanentError)
  })
})

describe('the addresses that http steps may call without being told', () => {
  const targets = createTargets([])

  it('are those of the Internet', () => {
    for (const address of OUTSIDE) assert.ok(targets.allows('x', address), address)
  })

  it('are no IPv6 address outside of 2000::/3, which is all that is handed out', () => {
    const group = fc.integer({ min: 0, max: 0xffff })
    const address = fc
      .array(group, { minLength: 8, maxLength: 8 })
      .map((groups) => groups.map((g) => g.toString(16)).join(':'))
    fc.assert(
      fc.property(address, (text) => {
        if ((Number.parseInt(text, 16) & 0xe000) !== 0x2000) assert.ok(!targets.allows('x', text), text)
      }),
      { numRuns: 500 },
    )
  })

  it('are none of the private IPv4 networks', () => {
    const octet = fc.integer({ min: 0, max: 255 })
    fc.assert(
      fc.property(
        fc.constantFrom('10', '127', '169.254', '192.168', '172.20', '100.80', '198.18', '0', '230', '250'),
        octet,
        octet,
        octet,
        (start, a, b, c) => {
          const text = [...start.split('.'), a, b, c].slice(0, 4).join('.')
          assert.ok(!targets.allows('x', text), text)
        },
      ),
    )
  })
})
