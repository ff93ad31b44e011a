import { describe } from 'node:test'
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

describe('Cloudflare that lets us wait, with the bans in a rule', { concurrency: 20 }, () => {
  testRows(placesOfSuite(), TABLE, CALLS)
})
