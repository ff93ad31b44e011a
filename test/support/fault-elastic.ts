import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { WorldServer } from '../../src/simulator/world-server.ts'
import type { Cell, Places } from './fault-cell.ts'
import { ALL_CALLS, AT_ELASTIC } from './fault-kinds.ts'
import { live, type Story } from './fault-story.ts'
import { until } from './stores-jobs.ts'

/** What becomes of the alerts when a call to Elastic fails, as a sentence, and how one sees it. */
export const IN_ELASTIC = {
  again: {
    sentence: 'the ban holds, the alert stays open, the log says why, and it is acknowledged once it is over',
    meanwhile: 'wait',
    degraded: [],
  },
  parked: {
    sentence: 'the ban holds, alerts park, `degraded` names elastic, and the look of every minute wakes them',
    meanwhile: 'wait',
    degraded: ['elastic'],
    tick: true,
  },
  found: { sentence: 'it is asked again, and the alert is acknowledged once', meanwhile: 'end', degraded: [] },
  unnoticed: { sentence: 'nothing fails: alerts are acknowledged when it has come', meanwhile: 'end', degraded: [] },
} as const

/** The calls by which alerts are marked. */
export const WAYS = {
  Elasticsearch: {
    update: { method: 'POST', path: '_update_by_query' },
    search: { method: 'POST', path: '_search' },
    tags: null,
  },
  Kibana: {
    update: { method: 'POST', path: 'signals/status' },
    search: { method: 'POST', path: 'signals/search' },
    tags: { method: 'POST', path: 'signals/tags' },
  },
} as const

export type Way = keyof typeof WAYS

/** What happens, to which calls, what becomes of the alerts, what the log says; null: of no failure. */
export type ElasticRow = readonly [
  fault: keyof typeof AT_ELASTIC,
  at: keyof (typeof WAYS)[Way],
  so: keyof typeof IN_ELASTIC,
  says: RegExp | null,
]

export function serverOf(way: Way): (cell: Cell) => WorldServer {
  return ({ world }) => (way === 'Kibana' ? world.kibana : world.elasticsearch)
}

/** Registers a test for each row: its name is what happens, and what becomes of the alerts. */
export function testElasticRows(places: () => Places, way: Way, rows: readonly ElasticRow[]): void {
  const server = serverOf(way)
  for (const [name, at, so, says] of rows) {
    const { sentence, ...outcome } = IN_ELASTIC[so]
    const fault = AT_ELASTIC[name]
    // While one call is not answered, the marks of all other alerts wait for it.
    const once = so === 'found' || fault.kind === 'hang'
    it(`${way}, ${name}, at the ${at}: ${sentence}`, { timeout: 240_000 }, (t) =>
      live(t, places(), {
        ...outcome,
        siem: way,
        says,
        once,
        strike(cell) {
          const { faults } = server(cell)
          faults.next(WAYS[way][at] ?? {}, fault, once ? 1 : ALL_CALLS)
          // Elasticsearch is asked how alerts stand only where an update did not reach all of them.
          if (way === 'Elasticsearch' && at === 'search')
            faults.next(WAYS[way].update, AT_ELASTIC['200 with version conflicts'], ALL_CALLS)
        },
        struck: (cell) => server(cell).calls.some((call) => call.fault === fault.kind),
        ...(so === 'again' && !once ? { queue: says ?? /./ } : {}),
        ...(so === 'parked' ? { queue: /"waiting":"elastic"/ } : {}),
        look: held,
        heal: (cell) => server(cell).faults.clear(),
        after: acknowledgedOnce,
        withinMs: 45_000,
      }),
    )
  }
}

export const held: NonNullable<Story['look']> = (cell) => until(() => cell.missing().length === 0)

/** Each alert changed once, by us. */
export async function acknowledgedOnce({ world, accepted }: Cell): Promise<void> {
  const changes = world.alerts.changes.map(({ id, to }) => `${id} ${to}`).sort()
  assert.deepEqual(changes, accepted.map((id) => `${id} acknowledged`).sort())
}
