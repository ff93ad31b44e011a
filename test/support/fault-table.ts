import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import type { Fault, Match } from '../../src/simulator/faults.ts'
import { type Cell, openPlaces, type Places } from './fault-cell.ts'
import { ALL_CALLS, AT_CLOUDFLARE } from './fault-kinds.ts'
import { live, type Story } from './fault-story.ts'

/** What becomes of the alerts when a call to Cloudflare fails, as a sentence, and how one sees it. */
export const OUTCOMES = {
  again: {
    sentence: 'alerts wait and are tried again, the log says why, and they are blocked once it is over',
    meanwhile: 'wait',
    degraded: [],
  },
  parked: {
    sentence: 'alerts park, `degraded` names cloudflare, and the look of every minute wakes them once it is over',
    meanwhile: 'wait',
    degraded: ['cloudflare'],
    tick: true,
  },
  found: {
    sentence: 'the next pass finds what was written, writes it no second time, and takes it for nobody else’s',
    meanwhile: 'end',
    degraded: [],
  },
  unnoticed: { sentence: 'nothing fails: alerts are blocked when it has come', meanwhile: 'end', degraded: [] },
  paused: {
    sentence: 'nobody calls Cloudflare before the time is over, then alerts are blocked',
    meanwhile: 'any',
    degraded: [],
  },
} as const

/** What happens, to which calls, what becomes of the alerts, what the log says (null: of no failure), the metric's status. */
export type Row<Place extends string> = readonly [
  fault: keyof typeof AT_CLOUDFLARE,
  at: Place,
  so: keyof typeof OUTCOMES,
  says: RegExp | null,
  status: number | 'failed',
]

/** Places for the stores of a suite, open while it runs. */
export function placesOfSuite(): () => Places {
  let places: Places | null = null
  before(async () => {
    places = await openPlaces()
  })
  after(() => places?.close())
  return () => places ?? assert.fail('The places are there only while tests run')
}

/** Registers a test for each row: its name is what happens, and what becomes of the alerts. `entice` brings about calls that are rare. */
export function testRows<Place extends string>(
  places: () => Places,
  rows: readonly Row<Place>[],
  calls: Readonly<Record<Place, Match & { method: string; entice?: (cell: Cell) => void }>>,
  common: Partial<Story> = {},
): void {
  for (const [name, at, so, says, status] of rows) {
    const { sentence, ...outcome } = OUTCOMES[so]
    const fault = AT_CLOUDFLARE[name]
    const times = so === 'paused' ? 1 : ALL_CALLS
    it(`${name}, at the ${at}: ${sentence}`, { timeout: 240_000 }, (t) =>
      live(t, places(), {
        ...outcome,
        says,
        ...(so === 'again' ? { queue: says ?? /./, look: (cell: Cell) => failing(cell, says) } : {}),
        ...(so === 'parked' ? { queue: /"waiting":"cloudflare"/ } : {}),
        ...(calls[at].entice ? { hitsOthers: true } : {}),
        counts: [calls[at].method, status],
        strike(cell) {
          cell.world.cloudflare.faults.next(calls[at], fault, times)
          calls[at].entice?.(cell)
        },
        struck: ({ world }) => world.cloudflare.calls.some((call) => call.fault === fault.kind),
        heal: ({ world }) => world.cloudflare.faults.clear(),
        ...(so === 'paused' ? { look: (cell: Cell) => silence(cell, fault) } : {}),
        withinMs: 45_000,
        ...common,
      }),
    )
  }
}

/** `portcullis status` calls the edge failing, and says why. */
async function failing(cell: Cell, says: RegExp | null): Promise<void> {
  const { edges } = JSON.parse(await cell.order('GET', '/api/status')) as { edges: { state: string; error: string }[] }
  assert.ok(
    edges.some(({ state, error }) => state === 'failing' && says?.test(error)),
    JSON.stringify(edges),
  )
}

/** Nobody calls before the time is over, whatever arrives meanwhile; without a Retry-After it is 30 s. */
async function silence({ world, send }: Cell, fault: Fault): Promise<void> {
  const { calls } = world.cloudflare
  const struck = calls.find((call) => call.fault === 'rate-limit')?.at ?? 0
  // The call was sent before it was answered, and a timer may be early by a millisecond.
  const seconds = fault.kind === 'rate-limit' ? fault.retryAfter : undefined
  const ms = (seconds ?? 30) * 1000 - 20
  await send(['203.0.113.77'])
  const since = () => calls.filter((call) => call.at > struck && !call.path.includes('cdn-cgi'))
  while (Date.now() < struck + ms) {
    assert.equal(since().length, 0, `somebody called ${(since()[0]?.at ?? 0) - struck} ms after the 429`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
