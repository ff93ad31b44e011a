import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Cell } from '../support/fault-cell.ts'
import { ALL_CALLS, page } from '../support/fault-kinds.ts'
import { live, type Story } from '../support/fault-story.ts'
import { OUTCOMES, placesOfSuite, type Row, testRows } from '../support/fault-table.ts'

const CALLS = {
  read: { method: 'GET', path: /entrypoint$/ },
  write: { method: 'PUT', path: 'entrypoint' },
  // Asked for where people have written since.
  version: { method: 'GET', path: '/versions/', entice: editedTwice },
} as const

const NO_JSON = /answered \d+ with something that is not its JSON/

const TABLE: readonly Row<keyof typeof CALLS>[] = [
  ['an answer after 2 s', 'read', 'unnoticed', null, 200],
  ['an answer after 2 s', 'write', 'unnoticed', null, 200],
  ['429 with Retry-After: 2', 'read', 'paused', /takes no more calls for 2 s/, 429],
  ['429 with Retry-After: 2', 'write', 'paused', /takes no more calls for 2 s/, 429],
  ['a reset before the answer', 'read', 'again', /it broke the connection/, 'failed'],
  ['a reset before the answer', 'write', 'again', /it broke the connection/, 'failed'],
  ['a reset in mid-answer', 'read', 'again', /Cloudflare cannot be reached/, 'failed'],
  ['a reset in mid-answer', 'write', 'found', /Cloudflare cannot be reached/, 'failed'],
  ['a write whose answer is lost', 'write', 'found', /it broke the connection/, 'failed'],
  ['500 with HTML', 'read', 'again', NO_JSON, 500],
  ['502 with HTML', 'read', 'again', NO_JSON, 502],
  ['503 with HTML', 'read', 'again', NO_JSON, 503],
  ['520 with HTML', 'read', 'again', NO_JSON, 520],
  ['200 with HTML', 'read', 'again', NO_JSON, 200],
  ['500 with HTML', 'write', 'again', NO_JSON, 500],
  ['502 with HTML', 'write', 'again', NO_JSON, 502],
  ['503 with HTML', 'write', 'again', NO_JSON, 503],
  ['520 with HTML', 'write', 'again', NO_JSON, 520],
  ['200 with HTML', 'write', 'again', NO_JSON, 200],
  ['a reset before the answer', 'version', 'again', /it broke the connection/, 'failed'],
  ['502 with HTML', 'version', 'again', NO_JSON, 502],
  ['JSON of wrong types', 'version', 'again', /unexpected shape: a version that is no number/, 200],
  ['403', 'version', 'parked', /refused the token \(403, code 9109/, 403],
  ['401', 'read', 'parked', /refused the token \(401, code 10000/, 401],
  ['401', 'write', 'parked', /refused the token \(401, code 10000/, 401],
  ['403', 'read', 'parked', /refused the token \(403, code 9109/, 403],
  ['403', 'write', 'parked', /refused the token \(403, code 9109/, 403],
  ['403 with HTML', 'read', 'parked', /refused the token \(403\)/, 403],
  ['403 with HTML', 'write', 'parked', /refused the token \(403\)/, 403],
  ['200 with success: false', 'read', 'again', /Cloudflare failed \(200, code 10013/, 200],
  ['200 with success: false', 'write', 'again', /Cloudflare failed \(200, code 10013/, 200],
  ['success: false for what was done', 'write', 'found', /Cloudflare failed \(200\)/, 200],
  ['JSON cut off half-way', 'read', 'again', NO_JSON, 200],
  ['JSON cut off half-way', 'write', 'found', NO_JSON, 200],
  ['JSON of wrong types', 'read', 'again', /unexpected shape: a version that is no number/, 200],
  ['JSON of wrong types', 'write', 'found', /unexpected shape: a version that is no number/, 200],
]

describe('Cloudflare in trouble, with the bans in a rule', { concurrency: 10 }, () => {
  const places = placesOfSuite()
  testRows(places, TABLE, CALLS, { after: writtenOnce })

  it('502 for longer than GIVE_UP_AFTER: alerts stand in the failed set with the reason, and a replay takes them up', (t) =>
    live(t, places(), {
      ...{ meanwhile: 'fail', degraded: [], says: /is given up and lies in the failed set/, queue: NO_JSON },
      env: { GIVE_UP_AFTER: '1s' },
      strike: ({ world }) => world.cloudflare.faults.next(CALLS.read, page(502), ALL_CALLS),
      struck: ({ world }) => world.cloudflare.calls.some(({ fault }) => fault !== null),
      async heal({ world, order }) {
        world.cloudflare.faults.clear()
        assert.match(await order('PUT', '/queues/api/queues/alerts/retry/failed'), /"retried":3/)
      },
    }))

  it(`refused connections: ${OUTCOMES.again.sentence}`, (t) =>
    live(t, places(), {
      ...OUTCOMES.again,
      ...REFUSED,
    }))

  it('refused connections when the service starts: it starts, takes alerts, and they are blocked once it is over', (t) =>
    live(t, places(), {
      ...OUTCOMES.again,
      ...REFUSED,
      prepare: (world) => world.cloudflare.down(),
      strike: () => undefined,
    }))
})

const REFUSED: Pick<Story, 'strike' | 'struck' | 'says' | 'counts' | 'heal'> = {
  strike: ({ world }) => world.cloudflare.down(),
  struck: (cell) => /refuses the connection/.test(cell.log()),
  says: /it refuses the connection/,
  counts: ['GET', 'failed'],
  heal: ({ world }) => world.cloudflare.up(),
}

/** Somebody switches a rule of his off and on again: two versions that we have not seen. */
function editedTwice({ world }: Cell): void {
  for (const enabled of [false, true])
    world.cloudflare.handEdit(world.zone, ([first, ...rest]) => [{ ...first, enabled }, ...rest])
}

/** Nothing was written that stood there already, and of what stands there nothing new is a person's. */
async function writtenOnce(cell: Cell): Promise<void> {
  const texts = cell.world.zone.history().map(({ rules }) => JSON.stringify(rules))
  assert.equal(new Set(texts).size, texts.length, 'each version says something new')
  const { bans } = JSON.parse(await cell.order('GET', '/api/bans?origin=edge&limit=100')) as { bans: unknown[] }
  assert.equal(bans.length, 3, 'theirs is what they had put there before')
}
