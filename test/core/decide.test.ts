import { deepEqual, equal } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { addressSet } from '../../src/core/address-set.ts'
import { type Ban, newBan, withHolding, withReason } from '../../src/core/ban.ts'
import { type BlockFacts, decideBlock, type Offence } from '../../src/core/decide.ts'

const HOUR = 3600_000
const NOW = new Date('2026-03-01T12:00:00.000Z')
const hours = (n: number) => new Date(NOW.getTime() + n * HOUR).toISOString()
const [A, B] = ['1.2.3.4', '5.6.7.8']

/** An alert about these, whose event happened so many hours ago. */
const alert = (suspects: readonly string[], ago = 0): BlockFacts['alert'] => ({
  ...{ id: 'alert', index: '', space: 'default', severity: null, run: 'scheduled', eventTime: true, evidence: {} },
  ...{ rule: { id: 'r', ruleId: 'r', name: 'Scanning', tags: [] }, time: hours(-ago), suspects },
})
const FACTS: BlockFacts = {
  alert: alert([A]),
  durations: [HOUR, 24 * HOUR, null],
  edges: null,
  guards: {
    ...{ by: 'alert', allowlist: [{ text: '9.9.9.9', note: 'us' }], released: [], tooOld: false, observing: false },
    ...{ cloudflareRanges: addressSet([]), allowDocumentationRanges: false, now: NOW, decidedAt: NOW },
  },
  bans: new Map(),
  offences: new Map(),
  quotaLeft: 10,
  now: NOW,
}
const decided = (facts: Partial<BlockFacts>) => decideBlock({ ...FACTS, ...facts })
const banned = (origin: 'alert' | 'operator', until: string | null, edges: readonly string[] | null = null): Ban => {
  const reason = { origin, id: origin, note: '', at: hours(-9), durationMs: HOUR, until, edges }
  return { ...withReason(newBan(A, new Date(hours(-9))), reason), offence: origin === 'alert' ? 1 : 0 }
}
const standing = (ban: Ban) => ({ bans: new Map([[ban.address, ban]]) })
const past = (count: number, ended: number): Partial<BlockFacts> => {
  const offence: Offence = { address: A, count, endedAt: hours(-ended), how: 'ended' }
  return { offences: new Map([[A, offence]]) }
}

describe('which suspects are banned', () => {
  const says = (what: string, facts: Partial<BlockFacts>, wanted: string[], refused: string[], spent = wanted.length) =>
    it(what, () => {
      const found = decided(facts)
      deepEqual(
        { wanted: found.wanted, refused: found.refused.map((r) => r.refusal), spent: found.spent },
        { wanted, refused, spent },
      )
    })
  says('all that no guard refuses', { alert: alert([A, '10.0.0.1', B, '9.9.9.9']) }, [A, B], ['private', 'allowlisted'])
  says('each once', { alert: alert([A, `${A}/32`, `::ffff:${A}`]) }, [A], [])
  says('none where there is none', { alert: alert([]) }, [], ['no-address'])
  says('no more new ones than the quota has left', { alert: alert([A, B]), quotaLeft: 1 }, [A], ['quota-spent'])
  says(
    'one that is banned already spends nothing',
    { ...standing(banned('alert', hours(1))), quotaLeft: 0 },
    [A],
    [],
    0,
  )
  says('one that is banned by hand alone does', standing(banned('operator', hours(1))), [A], [], 1)
  says('friends spend nothing', { alert: alert(['9.9.9.9', A]), quotaLeft: 1 }, [A], ['allowlisted'])
})

describe('for how long, and as which offence', () => {
  const says = (what: string, facts: Partial<BlockFacts>, offence: number, durationMs: number | null) =>
    it(`${what}: offence ${offence}`, () => {
      const [ban] = decided(facts).bans
      deepEqual([ban?.offence, ban?.reasons.find((r) => r.origin === 'alert')?.durationMs], [offence, durationMs])
    })
  says('the first', {}, 1, HOUR)
  says('after the end of the first', past(1, 2), 2, 24 * HOUR)
  says('an event from before that end, decided late', { ...past(1, 2), alert: alert([A], 3) }, 1, HOUR)
  says('the last duration repeats', past(7, 2), 8, null)
  says('its ban has ended, and nobody has swept it yet', standing(banned('alert', hours(-1))), 2, 24 * HOUR)
  says('a sender’s clock that runs ahead', { ...past(1, 2), alert: alert([A], -5) }, 2, 24 * HOUR)
})

describe('a ban that stands', () => {
  it('is seen again and keeps its end', () => {
    const [ban] = decided(standing(banned('alert', hours(1)))).bans
    deepEqual([ban?.lastSeen, ban?.reasons[0]?.until, ban?.reasons[0]?.id], [hours(0), hours(1), 'alert'])
  })
  it('is not written again for an older event', () =>
    deepEqual(
      decided({ ...standing({ ...banned('alert', hours(1)), lastSeen: hours(0) }), alert: alert([A], 1) }).bans,
      [],
    ))
  it('is wanted wherever one of its alerts wants it', () => {
    const wantedOn = (edges: readonly string[] | null) =>
      decided({ ...standing(banned('alert', hours(1), ['shop'])), edges }).bans[0]?.reasons[0]?.edges
    deepEqual([wantedOn(['blog']), wantedOn(null)], [['shop', 'blog'], null])
  })
  it('by hand, and held, gets an alert’s reason whose clock runs at once', () => {
    const held = withHolding(banned('operator', null), 'shop', true, '', NOW)
    const reasonOf = (ban: Ban) => decided(standing(ban)).bans[0]?.reasons.find((r) => r.origin === 'alert')
    equal(reasonOf(held)?.until, hours(1))
    equal(reasonOf(banned('operator', null))?.until, null)
  })
})
