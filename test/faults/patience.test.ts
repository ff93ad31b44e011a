import { describe } from 'node:test'
import { type ElasticRow, testElasticRows } from '../support/fault-elastic.ts'
import { placesOfSuite, type Row, testRows } from '../support/fault-table.ts'

/* The cells of the fault matrix that take their time: limits of 10 and 30 s, as in production, all at once. */

const CALLS = {
  read: { method: 'GET', path: 'entrypoint' },
  write: { method: 'PUT', path: 'entrypoint' },
} as const

const TABLE: readonly Row<keyof typeof CALLS>[] = [
  ['429 without Retry-After', 'read', 'paused', /takes no more calls for 30 s/, 429],
  ['429 without Retry-After', 'write', 'paused', /takes no more calls for 30 s/, 429],
  ['no answer at all', 'read', 'again', /no answer within 10 s/, 'failed'],
  ['no answer at all', 'write', 'again', /no answer within 10 s/, 'failed'],
]

const ELASTIC: readonly ElasticRow[] = [
  ['no answer at all', 'update', 'again', /did not answer in time|no answer within 30 s/],
  ['no answer at all', 'search', 'again', /did not answer in time|no answer within 30 s/],
  ['429 without Retry-After', 'update', 'again', /is overloaded \(429/],
]

describe('who lets us wait', { concurrency: 20 }, () => {
  const places = placesOfSuite()
  testRows(places, TABLE, CALLS)
  testElasticRows(places, 'Elasticsearch', ELASTIC)
  testElasticRows(places, 'Kibana', ELASTIC)
})
