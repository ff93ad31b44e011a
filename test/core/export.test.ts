import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Ban, Reason } from '../../src/core/ban.ts'
import { type ExportedBan, exportBan, importBan } from '../../src/core/export.ts'

const NOW = new Date('2026-06-01T00:00:00.000Z')
const FILE = { exportedAt: '2026-05-31T00:00:00.000Z' }
const ADDRESS = '198.51.100.7'
const time = fc.integer({ min: -50, max: 50 }).map((hours) => new Date(NOW.getTime() + hours * 3600_000).toISOString())

const reason: fc.Arbitrary<Reason> = fc.record({
  origin: fc.constantFrom('alert', 'operator', 'edge'),
  id: fc.constantFrom('alice', 'shop'),
  note: fc.constant(''),
  at: time,
  durationMs: fc.constantFrom(null, 3600_000, 7200_000),
  until: fc.option(time, { nil: null }),
  edges: fc.constant(null),
})
const key = (r: Reason) => (r.origin === 'alert' ? 'alert' : `${r.origin} ${r.id}`)
const ban: fc.Arbitrary<Ban> = fc.record({
  address: fc.constant(ADDRESS),
  offence: fc.nat(5),
  reasons: fc.uniqueArray(reason, { selector: key, minLength: 1, maxLength: 4 }),
  createdAt: time,
  lastSeen: time,
  edges: fc.constantFrom({}, { shop: { held: true, since: '', why: '' } }),
})
const exported = ban.map(exportBan)
const known = fc.option(ban, { nil: undefined })

describe('importing a ban', () => {
  it('twice is the same as once', () =>
    fc.assert(
      fc.property(known, exported, (before, file) => {
        const once = importBan(before, file, FILE, NOW)
        if (once !== null) assert.deepEqual(importBan(once, file, FILE, NOW), once)
      }),
    ))

  it('never shortens what the ledger holds for its own reasons', () =>
    fc.assert(
      fc.property(ban, exported, (before, file) => {
        const after = importBan(before, file, FILE, NOW)
        for (const mine of before.reasons.filter((r) => r.origin !== 'edge')) {
          const kept = after?.reasons.find((r) => key(r) === key(mine))
          if (after === null || kept === undefined) continue
          assert.ok(kept.until === null || (mine.until !== null && kept.until >= mine.until))
        }
      }),
    ))

  it('brings every reason that has not ended to an empty ledger, and none that has', () =>
    fc.assert(
      fc.property(exported, (file) => {
        const live = file.reasons.filter(({ until }) => until === null || until > NOW.toISOString())
        const after = importBan(undefined, file, FILE, NOW)
        assert.deepEqual(after?.reasons ?? [], live)
        assert.deepEqual(after?.edges ?? {}, {})
      }),
    ))

  it('takes an entry that a fresh store adopted for what it is: ours', () => {
    const at = '2026-05-31T12:00:00.000Z'
    const adopted = {
      origin: 'edge' as const,
      id: 'shop',
      note: '',
      at,
      durationMs: null,
      until: null,
      edges: ['shop'],
    }
    const ours = { ...adopted, origin: 'alert' as const, id: 'a1', until: '2026-06-02T00:00:00.000Z', edges: null }
    const before: Ban = { address: ADDRESS, offence: 0, reasons: [adopted], createdAt: at, lastSeen: at, edges: {} }
    const file: ExportedBan = exportBan({
      ...{ ...before, offence: 2, reasons: [ours] },
      edges: { shop: { held: true, since: at, why: '' } },
    })
    const after = importBan(before, file, FILE, NOW)
    assert.deepEqual(after?.reasons, [ours])
    assert.equal(after?.offence, 2)
    const notHeld = importBan(before, { ...file, heldOn: [] }, FILE, NOW)
    assert.deepEqual(notHeld?.reasons.map(({ origin }) => origin).sort(), ['alert', 'edge'])
  })
})
