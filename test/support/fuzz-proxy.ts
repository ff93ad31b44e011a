import fc from 'fast-check'
import { request } from 'undici'
import { startServer } from '../../src/simulator/world-server.ts'
import { type Scar, scarred, scars } from './fuzz-bytes.ts'
import { type Cut, cuts, mutated } from './fuzz-mutate.ts'

/** What becomes of one answer on its way; null: nothing. */
export type Spoiled = {
  readonly cuts: readonly Cut[]
  readonly scars: readonly Scar[]
  /** null: as it was. */
  readonly status: number | null
  readonly headers: Readonly<Record<string, string>>
} | null

const statuses = [
  null,
  null,
  null,
  null,
  null,
  200,
  201,
  204,
  206,
  302,
  400,
  401,
  403,
  404,
  409,
  418,
  429,
  500,
  503,
  520,
  599,
]
const retryAfter = ['0', '-1', '1e9', 'soon', 'Fri, 20 Nov 2026 00:00:00 GMT', '9'.repeat(100)]
const headers = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Record<string, string>>({}) },
  fc.constantFrom(...retryAfter).map((value): Record<string, string> => ({ 'retry-after': value })),
  fc
    .constantFrom('text/html', 'application/json; charset=utf-16', '')
    .map((type): Record<string, string> => ({ 'content-type': type })),
)
const spoiled: fc.Arbitrary<Spoiled> = fc.record({
  cuts: cuts(3),
  scars: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, scars(2)),
  status: fc.constantFrom(...statuses),
  headers,
})

/** For each of the first answers, in their order. */
export const answersSpoiled: fc.Arbitrary<Spoiled[]> = fc.array(
  fc.oneof({ weight: 3, arbitrary: spoiled }, fc.constant(null)),
  {
    minLength: 1,
    maxLength: 4,
  },
)

/** A server in front of another one: all calls get through, and answers come back as `spoil` says, in order. */
export async function startProxy(origin: string) {
  let waiting: Spoiled[] = []
  let calls = 0
  const server = await startServer({
    latencyMs: () => 0,
    rateLimited: () => ({ status: 429, body: {} }),
    async handle({ method, path, query, headers: sent, body }) {
      calls += 1
      const {
        host: _host,
        connection: _connection,
        'content-length': _length,
        'transfer-encoding': _te,
        ...rest
      } = sent
      const asked = `${origin}${path}${query.size > 0 ? `?${query}` : ''}`
      const answer = await request(asked, { method: method as 'GET', headers: rest, ...(body === '' ? {} : { body }) })
      const text = await answer.body.text()
      const given = headersOf(answer.headers)
      const how = waiting.shift() ?? null
      if (how === null) return { status: answer.statusCode, body: text, headers: given }
      const whole = how.cuts.length === 0 ? text : JSON.stringify(mutated(parsed(text), how.cuts))
      const bytes = scarred(whole ?? '', how.scars).toString('utf8')
      return { status: how.status ?? answer.statusCode, body: bytes, headers: { ...given, ...how.headers } }
    },
  })
  return {
    origin: server.origin,
    close: server.close,
    /** Forgets what was left of the last time. */
    spoil(next: readonly Spoiled[]) {
      waiting = [...next]
      calls = 0
    },
    calls: () => calls,
  }
}

const PASSED_ON = ['content-type', 'retry-after', 'x-elastic-product']

function headersOf(all: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  return Object.fromEntries(PASSED_ON.flatMap((name) => (typeof all[name] === 'string' ? [[name, all[name]]] : [])))
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
