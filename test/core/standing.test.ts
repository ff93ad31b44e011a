import { deepEqual } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { newBan, withHolding, withReason } from '../../src/core/ban.ts'
import { standingOf } from '../../src/core/standing.ts'

const ADDRESS = '45.77.0.10'
const START = new Date('2026-03-01T00:00:00.000Z')
const LATER = new Date('2026-03-01T02:00:00.000Z')
const at = START.toISOString()
const endedAt = '2026-03-01T01:00:00.000Z'

/** What stands of a ban that an alert began and a person's entry at one of two zones outlives. */
function outlived() {
  const entry = { origin: 'edge' as const, id: 'shop', note: '', at, durationMs: null, until: null, edges: ['shop'] }
  return withHolding(withReason({ ...newBan(ADDRESS, START), offence: 1 }, entry), 'shop', true, '', START)
}

function standing(how: string) {
  const facts = {
    wanted: [ADDRESS],
    bans: new Map([[ADDRESS, outlived()]]),
    edges: ['shop', 'blog'],
    since: at,
    now: LATER,
  }
  return standingOf({ ...facts, offences: new Map([[ADDRESS, { address: ADDRESS, count: 1, endedAt, how }]]) })
}

describe('where the bans of an alert stand, of which a person’s entry at one zone is left', () => {
  it('have done their work when the alert’s own reason ended by its clock', () => {
    deepEqual(standing('ended'), { kind: 'held' })
  })

  it('are gone when they were lifted before: no other zone will ever hold them', () => {
    deepEqual(standing('lifted'), { kind: 'gone' })
  })
})
