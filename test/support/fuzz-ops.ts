import assert from 'node:assert/strict'
import fc from 'fast-check'
import { request } from 'undici'
import { banOf, startOps, TOKEN } from '../ops/harness.ts'
import { scarred, scars } from './fuzz-bytes.ts'
import { cuts, HOSTILE_KEYS, HOSTILE_TEXTS, mutated } from './fuzz-mutate.ts'
import type { Target } from './fuzz-run.ts'

interface Asked {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD' | 'OPTIONS'
  readonly path: string
  readonly type: string
  /** In base64. */
  readonly body: string
}

const MOST_MS = 5_000
const WEBHOOK = JSON.stringify({ alerts: [{ _id: 'a1', source: { ip: '198.51.100.1' } }] })
const EXPORT = {
  version: 1,
  exportedAt: '2026-01-01T00:00:00.000Z',
  edges: [],
  bans: [banOf('192.0.2.9')],
  offences: [],
  released: [],
  allowlist: [],
}
const orders: readonly (readonly [Asked['method'], string, unknown])[] = [
  ['POST', '/api/bans', { address: '198.51.100.7', duration: '1h', reason: 'why not' }],
  ['POST', '/api/unban', { addresses: ['192.0.2.7'], reason: 'a friend', grace: '1h' }],
  ['DELETE', '/api/bans/192.0.2.7', { reason: 'a friend' }],
  ['POST', '/api/allowlist', { entry: '192.0.2.8', duration: '1h', reason: 'a friend' }],
  ['DELETE', '/api/allowlist', { entries: ['192.0.2.8'] }],
  ['POST', '/api/adopt', { duration: '1h' }],
  ['POST', '/api/pause', { duration: '1h', reason: 'work' }],
  ['POST', '/api/resume', { edge: 'shop' }],
  ['POST', '/api/replay', { alerts: ['a1'] }],
  ['POST', '/api/replay', { outcome: 'gave-up', since: '24h' }],
  ['POST', '/api/import', EXPORT],
  ['POST', '/api/explain', { body: WEBHOOK }],
]
const pages = [
  ...[
    '/api/status',
    '/api/playbooks',
    '/api/history',
    '/api/bans',
    '/api/why',
    '/api/allowlist',
    '/api/export',
    '/api/bans/192.0.2.7',
  ],
  ...[
    '/metrics',
    '/queues',
    '/queues/api/queues',
    '/queues/api/queues/alerts/a1',
    '/queues/static/js/',
    '/healthz',
    '/readyz',
    '/',
  ],
]
const word = fc.oneof(
  fc.constantFrom(...HOSTILE_TEXTS.filter((text) => text.length < 2_000)),
  fc.string({ unit: 'binary', maxLength: 20 }),
)
const encodedWord = fc.oneof(
  word.map((text) => encodeURIComponent(text.toWellFormed())),
  fc.constantFrom('%', '%ff', '%zz', '..%2f..', '.', '[', '%00'),
)
const names = [
  'address',
  'limit',
  'before',
  'state',
  'origin',
  'edge',
  'sort',
  'reason',
  'grace',
  'activeQueue',
  'status',
  'page',
  'jobsPerPage',
  ...HOSTILE_KEYS,
]
const query = fc
  .array(fc.tuple(fc.constantFrom(...names), fc.constantFrom('', '[]', '[x]', '[__proto__]'), encodedWord), {
    maxLength: 4,
  })
  .map((pairs) =>
    pairs.length === 0
      ? ''
      : `?${pairs.map(([name, more, value]) => `${encodeURIComponent(name)}${more}=${value}`).join('&')}`,
  )
const more = fc.oneof(
  { weight: 3, arbitrary: fc.constant('') },
  encodedWord.map((text) => `/${text}`),
)
const types = fc.constantFrom(
  'application/json',
  'application/json',
  'application/json',
  'application/json; charset=latin1',
  'text/plain',
  '',
)
const toBase64 = (bytes: Buffer): string => bytes.toString('base64')
const order = fc.record({ order: fc.constantFrom(...orders), cuts: cuts(3), scars: scars(1), query, type: types }).map(
  ({ order: [method, path, body], cuts: made, scars: hurt, query: asked, type }): Asked => ({
    method,
    path: path + asked,
    type,
    body: toBase64(scarred(JSON.stringify(mutated(body, made)) ?? '', hurt)),
  }),
)
const look = fc
  .record({
    path: fc.constantFrom(...pages),
    more,
    query,
    method: fc.constantFrom<Asked['method']>('GET', 'GET', 'GET', 'HEAD', 'PUT', 'PATCH', 'OPTIONS'),
  })
  .map(
    ({ path, more: rest, query: asked, method }): Asked => ({
      method,
      path: path + rest + asked,
      type: 'application/json',
      body: '',
    }),
  )

/** The ops port, asked by somebody who knows the token and sends rubbish. */
export async function opsTarget(): Promise<{ target: Target<Asked>; close(): Promise<void> }> {
  // Passes are settle's: here they would only fill the time.
  const ops = await startOps({ settle: async () => undefined })
  await ops.putBans(banOf('192.0.2.7'), banOf('198.51.100.0/24'), banOf('2001:db8:1::/64'))
  return {
    target: {
      name: 'orders of operators',
      inputs: fc.oneof({ weight: 3, arbitrary: order }, { weight: 2, arbitrary: look }),
      async holds({ method, path, type, body }) {
        const begun = performance.now()
        const bytes = Buffer.from(body, 'base64')
        const headers = { authorization: `Bearer ${TOKEN}`, ...(type === '' ? {} : { 'content-type': type }) }
        const answer = await request(ops.url + path, {
          method,
          headers,
          ...(bytes.length === 0 ? {} : { body: bytes }),
        })
        const text = await answer.body.text()
        const failure = ops.failures.splice(0)[0]
        assert.ok(
          answer.statusCode < 500 && failure === undefined,
          `${answer.statusCode}: ${text.slice(0, 200)} ${(failure as Error)?.stack}`,
        )
        if (String(answer.headers['content-type']).startsWith('application/json'))
          assert.doesNotThrow(() => text === '' || JSON.parse(text))
        assert.ok(performance.now() - begun < MOST_MS, `took ${performance.now() - begun} ms`)
      },
    },
    close: ops.stop,
  }
}
