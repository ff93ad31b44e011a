import { deepEqual } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Items, isSeenIn, type ListAttempt, landedOf } from '../../src/core/list-state.ts'

const attempt = (changes: Partial<ListAttempt>): ListAttempt => ({
  id: 'a1',
  at: '2026-01-01T00:00:00.000Z',
  adding: [],
  removing: [],
  ids: [],
  operation: null,
  ...changes,
})
const items: Items = new Map([['192.0.2.1', { text: '192.0.2.1', comment: '', id: 'i1' }]])

describe('writes to a list whose end nobody heard of', () => {
  it('have come into effect when all they added is there and all they removed is not', () => {
    const attempts = [
      attempt({ id: 'added', adding: ['192.0.2.1'] }),
      attempt({ id: 'half', adding: ['192.0.2.1', '192.0.2.2'] }),
      attempt({ id: 'removed', removing: ['192.0.2.3'], ids: ['i3'] }),
      attempt({ id: 'still there', removing: ['192.0.2.1'], ids: ['i1'] }),
      attempt({ id: 'to be asked', adding: ['192.0.2.1'], operation: 'o1' }),
    ]
    deepEqual(
      attempts.filter(isSeenIn(items)).map(({ id }) => id),
      ['added', 'removed'],
    )
  })

  it('are told once, however often they were begun', () => {
    const twice = [attempt({ adding: ['192.0.2.1', '192.0.2.2'] }), attempt({ adding: ['192.0.2.1'] })]
    deepEqual(landedOf(twice, [{ adding: ['192.0.2.2'], removing: [] }]), [
      { adding: ['192.0.2.1'], removing: [] },
      { adding: [], removing: [] },
    ])
  })
})
