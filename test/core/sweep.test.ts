import { deepEqual, equal } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { addressSet } from '../../src/core/address-set.ts'
import { type Ban, newBan, type Reason, withHolding, withReason } from '../../src/core/ban.ts'
import { type StandingFacts, sweep } from '../../src/core/sweep.ts'

const NOW = new Date('2026-03-02T00:00:00.000Z')
const hours = (n: number) => new Date(NOW.getTime() + n * 3600_000)
const A = '1.2.3.4'
const FACTS: StandingFacts = {
  allowlist: [],
  released: [],
  cloudflareRanges: addressSet(['104.16.0.0/13']),
  allowDocumentationRanges: false,
  maxAlertAgeMs: 24 * 3600_000,
  now: NOW,
}

/** A reason of `origin` given so many hours ago, over in so many hours; null: its clock has not started, or it is for ever. */
const reason = (origin: Reason['origin'], given: number, until: number | null): Reason => ({
  ...{ origin, id: origin, note: '', edges: null, at: hours(-given).toISOString(), durationMs: 3600_000 },
  until: until === null ? null : hours(until).toISOString(),
})
const ban = (address: string, ...reasons: Reason[]) => reasons.reduce(withReason, newBan(address, hours(-48)))
const held = (it: Ban) => ({ ...it, edges: { shop: { held: true, since: NOW.toISOString(), why: '' } } })
const released = (address: string, at: number) => [
  { address, at: hours(at).toISOString(), until: hours(24).toISOString() },
]

/** How the ban ends, the origins that it keeps where some go, or `stays`. */
function fate(it: Ban, facts: Partial<StandingFacts> = {}): string {
  const { put, gone } = sweep([it], { ...FACTS, ...facts })
  return gone[0]?.how ?? put[0]?.reasons.map((r) => r.origin).join(' ') ?? 'stays'
}
const says = (what: string, given: Ban, expected: string, facts: Partial<StandingFacts> = {}) =>
  it(`${what}: ${expected}`, () => equal(fate(given, facts), expected))

describe('what no longer stands', () => {
  says('its clock runs', held(ban(A, reason('alert', 1, 1))), 'stays')
  says('its clock has run out', held(ban(A, reason('alert', 2, 0))), 'ended')
  says('a person’s reason outlives the alert’s', ban(A, reason('alert', 2, 0), reason('operator', 2, 1)), 'operator')
  says('the alert’s outlives a person’s', ban(A, reason('alert', 2, 1), reason('edge', 2, -1)), 'alert')
  says('all have run out', ban(A, reason('alert', 2, -1), reason('operator', 2, 0)), 'ended')
  it('says nothing of what stays', () =>
    deepEqual(sweep([ban(A, reason('edge', 1, null))], FACTS), { put: [], gone: [] }))
})

describe('a ban that waits', () => {
  says('less than MAX_ALERT_AGE', ban(A, reason('alert', 23.9, null)), 'stays')
  says('as long as that', ban(A, reason('alert', 24, null)), 'lapsed')
  says('while another edge holds it', held(ban(A, reason('alert', 24, null))), 'stays')
  says('by hand, for as long as it takes', ban(A, reason('operator', 99, null)), 'stays')
  says('beside one by hand', ban(A, reason('alert', 24, null), reason('operator', 24, null)), 'operator')
  const once = withHolding(held(ban(A, reason('alert', 24, null))), 'shop', false, 'edge-full', NOW)
  says('for ever, held once', once, 'stays')
  says('anew since it was held', { ...once, heldUntil: hours(-25).toISOString() }, 'lapsed')
})

describe('what a guard refuses by now', () => {
  const automatic = held(ban(A, reason('alert', 1, 1)))
  const allowlist = [{ text: '1.2.3.0/24', note: 'the office' }]
  says('a friend', automatic, 'allowlisted', { allowlist })
  says('a friend, by hand', ban(A, reason('operator', 1, 1)), 'stays', { allowlist })
  says('a friend, by an alert and by hand', ban(A, reason('alert', 1, 1), reason('operator', 1, 1)), 'stays', {
    allowlist,
  })
  says('a friend, by hand until now', ban(A, reason('alert', 1, 1), reason('operator', 2, 0)), 'allowlisted', {
    allowlist,
  })
  says('let out since', automatic, 'released', { released: released(A, -1) })
  says('decided after the prefix around it was let out', automatic, 'released', {
    released: released('1.2.3.0/24', -49),
  })
  says('decided before that', automatic, 'stays', { released: released('1.2.3.0/24', -1) })
  says('an address of Cloudflare', held(ban('104.16.1.1', reason('alert', 1, 1))), 'cloudflare')
  says('a private one', held(ban('10.1.2.3', reason('alert', 1, 1))), 'private')
})
