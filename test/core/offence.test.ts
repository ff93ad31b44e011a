import { deepEqual, equal } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Ban, newBan, type Reason, withReason } from '../../src/core/ban.ts'
import { offenceOf } from '../../src/core/offence.ts'

const NOW = new Date('2026-03-01T12:00:00.000Z')
const reason = (origin: Reason['origin'], until: string | null): Reason => {
  return { origin, id: 'x', note: '', at: '2026-03-01T10:00:00.000Z', durationMs: 3600_000, until, edges: null }
}
const banned = (...reasons: Reason[]): Ban => reasons.reduce(withReason, { ...newBan('1.0.0.1', NOW), offence: 2 })

describe('what is remembered of an offence', () => {
  it('is its number, and the end of its own clock', () => {
    const end = '2026-03-01T11:00:00.000Z'
    deepEqual(offenceOf(banned(reason('alert', end)), 'ended', NOW), {
      address: '1.0.0.1',
      count: 2,
      endedAt: end,
      how: 'ended',
    })
  })

  it('is the moment at which somebody lifted the ban', () => {
    equal(offenceOf(banned(reason('alert', null)), 'lifted', NOW)?.endedAt, NOW.toISOString())
  })

  it('does not move when an operator’s longer ban of the same address ends', () => {
    equal(offenceOf(banned(reason('operator', NOW.toISOString())), 'ended', NOW), null)
  })

  it('is nothing where no alert was answered', () => {
    equal(offenceOf({ ...banned(reason('alert', null)), offence: 0 }, 'ended', NOW), null)
  })
})
