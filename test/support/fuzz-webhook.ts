import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { parseAddress } from '../../src/core/address.ts'
import { addressSet } from '../../src/core/address-set.ts'
import type { Alert } from '../../src/core/alert.ts'
import { CLOUDFLARE_RANGES } from '../../src/core/cloudflare-ranges.ts'
import { decideBlock } from '../../src/core/decide.ts'
import { parseExpression } from '../../src/core/expression/parse.ts'
import { serializeExpression } from '../../src/core/expression/serialize.ts'
import { alertDocs } from '../receiver/alerts.ts'
import { startReceiver } from '../receiver/harness.ts'
import { renderBody, summaryOf } from '../receiver/kibana-render.ts'
import { encoded, scarred, scars } from './fuzz-bytes.ts'
import { cuts, mutated } from './fuzz-mutate.ts'
import type { Target } from './fuzz-run.ts'

interface Delivery {
  /** In base64. */
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
}

const LIMIT = 5_000_000
// Many times what any of them takes on an idle machine.
const MOST_MS = 5_000
const FOREIGN = ['ssl', '(http.host eq "a) or (b" and ip.src in {1.1.1.1})', 'not  cf.client.bot']

const fixture = (name: string) => readFileSync(new URL(`../fixtures/webhooks/${name}`, import.meta.url), 'utf8')
const templates = [
  fixture('full.mustache'),
  fixture('slim.mustache'),
  '{{{context}}}',
  '{"alerts_json": "{{context.alerts.asJSON}}"}',
]
const bodies = templates.flatMap((template) => [1, 3].map((n) => renderBody(template, summaryOf(alertDocs(n)))))
const documents = bodies.map((body) => JSON.parse(body) as unknown)

const text = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .tuple(fc.constantFrom(...documents), cuts(4))
      .map(([it, made]) => JSON.stringify(mutated(it, made)) ?? ''),
  },
  { weight: 2, arbitrary: fc.constantFrom(...bodies) },
  fc.json(),
  fc.string({ unit: 'binary' }),
)
const bytes = fc.tuple(text, scars(3)).map(([it, made]) => scarred(it, made))
const encodings = ['', 'gzip', 'deflate', 'br', 'identity', 'zstd', 'gzip, gzip', 'GZIP', '\u00ff']
const types = [
  'application/json',
  'application/json; charset=utf-8',
  'application/x-ndjson',
  'text/plain',
  '',
  'a/b;;=',
  'application/json; charset=utf-16',
]
const plain = bytes.map((body) => ({ body: body.toString('base64'), headers: { 'content-type': 'application/json' } }))
const dressed = fc
  .record({
    body: bytes,
    says: fc.constantFrom(...encodings),
    is: fc.constantFrom('says', ...encodings),
    type: fc.constantFrom(...types),
  })
  .map(({ body, says, is, type }) => ({
    body: encoded(body, is === 'says' ? says.toLowerCase() : is).toString('base64'),
    headers: { 'content-type': type, ...(says === '' ? {} : { 'content-encoding': says }) },
  }))

/** The webhook port over real HTTP, and what becomes of the alerts that it takes. */
export async function webhookTarget(): Promise<{
  target: Target<Delivery>
  /** How many alerts were taken so far, and how many addresses they would ban. */
  readonly taken: { alerts: number; addresses: number }
  close(): Promise<void>
}> {
  const taken = { alerts: 0, addresses: 0 }
  const receiver = await startReceiver({ bodyLimit: LIMIT, spaces: ['default', 'soc'] })
  return {
    target: {
      name: 'webhook bodies',
      inputs: fc.oneof({ weight: 3, arbitrary: plain }, dressed),
      async holds({ body, headers }) {
        receiver.accepted.length = 0
        const begun = performance.now()
        const answer = await receiver.send(Buffer.from(body, 'base64'), headers)
        assert.ok(performance.now() - begun < MOST_MS, `took ${performance.now() - begun} ms`)
        assert.ok(answer.status < 500, `${answer.status}: ${answer.body.message}`)
        assert.equal(typeof answer.body.message, 'string')
        taken.alerts += receiver.accepted.length
        for (const alert of receiver.accepted) taken.addresses += assertHarmless(alert)
      },
    },
    taken,
    close: receiver.stop,
  }
}

/** It is small, and of all its texts only canonical addresses get into an expression: so many. */
function assertHarmless(alert: Alert): number {
  assert.ok(Buffer.byteLength(JSON.stringify(alert)) <= 8192, 'above 8 kB')
  assert.ok(JSON.stringify(alert).isWellFormed())
  // Where a text quotes one, a backslash stands before the backslash.
  assert.doesNotMatch(JSON.stringify(alert), /(?<!\\)(\\\\)*\\u0000/)
  const { bans } = decideBlock({
    alert,
    ...FACTS,
    now: new Date(),
    guards: { ...GUARDS, now: new Date(), decidedAt: new Date() },
  })
  const terms = bans.map(({ address }) => address)
  for (const term of terms) assert.equal(parseAddress(term)?.text, term)
  const expression = serializeExpression({ terms, clauses: FOREIGN })
  const own = expression.slice(FOREIGN.join(' or ').length)
  assert.match(own, /^$|^ or \(ip\.src in \{[0-9a-f.:/ ]+\}\)$/)
  const read = parseExpression(expression)
  assert.deepEqual([read.terms.map((term) => term.text), read.clauses], [terms, FOREIGN])
  return terms.length
}

const FACTS = { durations: [3_600_000], edges: null, bans: new Map(), offences: new Map(), quotaLeft: 100 }
const GUARDS = {
  by: 'alert',
  allowlist: [],
  released: [],
  cloudflareRanges: addressSet(CLOUDFLARE_RANGES),
  allowDocumentationRanges: true,
  tooOld: false,
  observing: false,
} as const
