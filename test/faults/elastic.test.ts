import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  acknowledgedOnce,
  type ElasticRow,
  held,
  IN_ELASTIC,
  serverOf,
  testElasticRows,
  type Way,
} from '../support/fault-elastic.ts'
import { ALL_CALLS, AT_ELASTIC } from '../support/fault-kinds.ts'
import { live } from '../support/fault-story.ts'
import { placesOfSuite } from '../support/fault-table.ts'

const KEY = /does not know the API key \(401/
const PRIVILEGES = /forbids what the API key asked for \(403/
const KEPT = /Elastic keeps \d+ alerts from being updated/

/** At both, whoever marks the alerts. */
const BOTH: readonly ElasticRow[] = [
  ['an answer after 2 s', 'update', 'unnoticed', null],
  ['429 with Retry-After: 2', 'update', 'again', /is overloaded \(429/],
  ['429 with Retry-After: 2', 'search', 'again', /is overloaded \(429/],
  ['a reset before the answer', 'update', 'again', /it broke the connection/],
  ['a reset before the answer', 'search', 'again', /it broke the connection/],
  ['a reset in mid-answer', 'update', 'found', /cannot be reached/],
  ['a reset in mid-answer', 'search', 'again', /cannot be reached/],
  ['a write whose answer is lost', 'update', 'found', /it broke the connection/],
  ['500 with HTML', 'update', 'again', /answered 500/],
  ['502 with HTML', 'update', 'again', /answered 502/],
  ['503 with HTML', 'update', 'again', /answered 503/],
  ['520 with HTML', 'update', 'again', /answered 520/],
  ['502 with HTML', 'search', 'again', /answered 502/],
  ['401', 'update', 'parked', KEY],
  ['401', 'search', 'parked', KEY],
  ['403', 'update', 'parked', PRIVILEGES],
  ['403', 'search', 'parked', PRIVILEGES],
  ['404', 'update', 'parked', /has no alerts of this space \(404/],
  ['200 with version conflicts', 'update', 'again', KEPT],
  ['200 from a part of the shards', 'search', 'again', /could search only a part of the alerts/],
  ['JSON of wrong types', 'search', 'again', /something that is no list of hits/],
]

const TABLE: Readonly<Record<Way, readonly ElasticRow[]>> = {
  Elasticsearch: [
    ...BOTH,
    ['200 with HTML', 'update', 'again', /not Elasticsearch: its answer lacks the product header/],
    ['200 with failures', 'update', 'again', /could not update alerts: index \[alerts\] blocked: read-only/],
    ['200 that ran out of time', 'update', 'again', /could not update all alerts in time/],
    ['JSON cut off half-way', 'update', 'found', /something that is not JSON/],
    ['JSON cut off half-way', 'search', 'again', /something that is not JSON/],
    ['JSON of wrong types', 'update', 'found', /could not update alerts: no reason given/],
  ],
  Kibana: [
    ...BOTH,
    ['502 with HTML', 'tags', 'again', /answered 502/],
    ['403', 'tags', 'parked', PRIVILEGES],
    ['a write whose answer is lost', 'tags', 'found', /it broke the connection/],
    ['200 with HTML', 'update', 'again', /answered 200 with something that is not its JSON/],
    // What Kibana says of its update is not believed: the alerts are read again.
    ['200 with failures', 'update', 'again', KEPT],
    ['200 that ran out of time', 'update', 'again', KEPT],
    ['JSON cut off half-way', 'update', 'found', /something that is not its JSON/],
    ['JSON cut off half-way', 'search', 'again', /something that is not its JSON/],
    ['JSON of wrong types', 'update', 'unnoticed', null],
  ],
}

describe('Elastic in trouble', { concurrency: 12 }, () => {
  const places = placesOfSuite()

  for (const way of ['Elasticsearch', 'Kibana'] as const) {
    const server = serverOf(way)
    testElasticRows(places, way, TABLE[way])

    it(`${way}, refused connections: ${IN_ELASTIC.again.sentence}`, (t) =>
      live(t, places(), {
        ...IN_ELASTIC.again,
        siem: way,
        strike: (cell) => server(cell).down(),
        struck: (cell) => /refuses the connection/.test(cell.log()),
        says: new RegExp(`${way} cannot be reached: it refuses the connection`),
        look: held,
        heal: (cell) => server(cell).up(),
        after: acknowledgedOnce,
      }))

    it(`${way}, 503 for longer than GIVE_UP_AFTER: the ban holds, the alert stands in the failed set with the reason, and a replay takes it up`, (t) =>
      live(t, places(), {
        ...{ meanwhile: 'fail', degraded: [], says: /is given up and lies in the failed set/, queue: /answered 503/ },
        siem: way,
        env: { GIVE_UP_AFTER: '1s' },
        strike: (cell) => server(cell).faults.next({}, AT_ELASTIC['503 with HTML'], ALL_CALLS),
        struck: (cell) => server(cell).calls.some(({ fault }) => fault !== null),
        look: held,
        async heal(cell) {
          server(cell).faults.clear()
          assert.match(await cell.order('PUT', '/queues/api/queues/alerts/retry/failed'), /"retried":3/)
        },
        after: acknowledgedOnce,
      }))
  }

  it('refused connections when the service starts: it starts, takes alerts, bans hold, and alerts are acknowledged once it is over', (t) =>
    live(t, places(), {
      ...{ ...IN_ELASTIC.again, degraded: ['catch-up'], env: { CATCH_UP_EVERY: '2s' } },
      prepare: (world) => world.elasticsearch.down(),
      strike: () => undefined,
      struck: (cell) => /refuses the connection/.test(cell.log()),
      says: /Elasticsearch cannot be reached: it refuses the connection/,
      look: held,
      heal: ({ world }) => world.elasticsearch.up(),
      after: acknowledgedOnce,
    }))

  it(`Elasticsearch away, which only reads what Kibana writes: ${IN_ELASTIC.again.sentence}`, (t) =>
    live(t, places(), {
      ...IN_ELASTIC.again,
      siem: 'both',
      strike: ({ world }) => world.elasticsearch.down(),
      struck: (cell) => /refuses the connection/.test(cell.log()),
      says: /Elasticsearch cannot be reached: it refuses the connection/,
      look: held,
      heal: ({ world }) => world.elasticsearch.up(),
      after: acknowledgedOnce,
    }))
})
