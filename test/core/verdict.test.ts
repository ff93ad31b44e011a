import { equal } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Ban, newBan, withHolding, withReason } from '../../src/core/ban.ts'
import { type Found, verdicts } from '../../src/core/verdict.ts'

const NOW = new Date('2026-03-01T00:00:00.000Z')
const BEFORE = new Date('2026-02-28T00:00:00.000Z')
const A = '1.2.3.4'
const FOUND: Found = {
  edge: 'shop',
  state: 'ok',
  terms: [],
  considered: new Set([A]),
  displaced: new Set(),
  observing: false,
  now: NOW,
}

function banned(how: { until?: string; edges?: string[]; durationMs?: number } = {}): Ban {
  const { until = null, edges = null, durationMs = null } = how
  const reason = { origin: 'alert' as const, id: 'a', note: '', at: BEFORE.toISOString(), durationMs, until, edges }
  return withReason(newBan(A, BEFORE), reason)
}
const held = (ban: Ban) => withHolding(ban, 'shop', true, '', BEFORE)

/** `held`, why it is not, `gone` where the edge has no entry any more, `as it was` where nothing changes. */
function verdict(ban: Ban, found: Partial<Found>): string {
  const [next] = verdicts([ban], { ...FOUND, ...found })
  if (next === undefined) return 'as it was'
  const holding = next.edges.shop
  return holding === undefined ? 'gone' : holding.held ? 'held' : holding.why
}
const says = (what: string, ban: Ban, found: Partial<Found>, expected: string) =>
  it(`${what}: ${expected}`, () => equal(verdict(ban, found), expected))

describe('the verdict on a ban', () => {
  says('the rule lists it', banned(), { terms: [A] }, 'held')
  says('the rule lists a wider term', banned(), { terms: ['9.9.9.9', '1.2.3.0/24'] }, 'held')
  says('the rule lists it, as before', held(banned()), { terms: [A] }, 'as it was')
  says('the rule does not list it', banned(), { terms: ['1.2.3.5'] }, 'edge-full')
  says('the rule lists it no longer', held(banned()), {}, 'edge-full')
  says('it was pushed out', held(banned()), { displaced: new Set([A]) }, 'displaced')
  says('we only observe', banned(), { observing: true }, 'observing')
  says('we only observe, but it is in the rule', banned(), { observing: true, terms: [A] }, 'held')
  says('the rule that lists it is off', held(banned()), { terms: [A], state: 'edge-disabled' }, 'edge-disabled')
  says('others write all the time, and the rule lists it', banned(), { terms: [A], state: 'edge-busy' }, 'held')
  says('others write all the time, and it is not there yet', banned(), { state: 'edge-busy' }, 'edge-busy')
  says('it came to be during the pass', banned(), { terms: [A], considered: new Set() }, 'as it was')
  says('it is over', held(banned({ until: BEFORE.toISOString() })), { terms: [A] }, 'gone')
  says('it is over and was never here', banned({ until: BEFORE.toISOString() }), {}, 'as it was')
  says('it is wanted elsewhere', held(banned({ edges: ['blog'] })), { terms: [A] }, 'gone')

  it('starts the clock of a ban that is first held', () => {
    const [next] = verdicts([banned({ durationMs: 3600_000 })], { ...FOUND, terms: [A] })
    equal(next?.reasons[0]?.until, '2026-03-01T01:00:00.000Z')
  })
})
