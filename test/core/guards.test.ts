import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { automaticBan, parseAddress } from '../../src/core/address.ts'
import { addressSet } from '../../src/core/address-set.ts'
import { CLOUDFLARE_RANGES } from '../../src/core/cloudflare-ranges.ts'
import { type GuardFacts, judge, REFUSALS, stillRefused } from '../../src/core/guards.ts'

const now = new Date('2026-05-01T12:00:00Z')
const alert: GuardFacts = {
  by: 'alert',
  allowlist: [],
  released: [],
  cloudflareRanges: addressSet(CLOUDFLARE_RANGES),
  allowDocumentationRanges: false,
  tooOld: false,
  observing: false,
  now,
  decidedAt: now,
}
const operator: GuardFacts = { ...alert, by: 'operator' }
const allowing = (...texts: string[]) => ({ allowlist: texts.map((text) => ({ text, note: 'the office' })) })

/** The refusal, or the text of what is banned. */
function verdict(suspect: string, facts: GuardFacts): string {
  const judgement = judge(suspect, facts)
  return judgement.kind === 'ok' ? judgement.address.text : judgement.refusal
}
const says = (suspect: string, expected: string, facts: Partial<GuardFacts> = {}, base = alert) =>
  it(`${base.by}: ${suspect.slice(0, 40)} -> ${expected}`, () =>
    assert.equal(verdict(suspect, { ...base, ...facts }), expected))

describe('what is banned', () => {
  says('8.8.8.8', '8.8.8.8')
  says('8.8.8.8/24', '8.8.8.0/24')
  says('2a00:1450:4001:81b::200e', '2a00:1450:4001:81b::/64')
  says('2a00:1450:4001::/48', '2a00:1450:4001::/48')
  says('2a00:1450:4001:81b::200e', '2a00:1450:4001:81b::200e', {}, operator)
  says('::ffff:8.8.8.8', '8.8.8.8')
})

describe('hostile suspects', () => {
  says('1.2.3.4) or (true', 'malformed')
  says('::ffff:10.0.0.1', 'private')
  says('fe80::1%eth0', 'malformed')
  says('0.0.0.0/0', 'private')
  says('::/0', 'private')
  says('x'.repeat(10_000), 'malformed')
  says('', 'malformed')

  it('are shown shortened and as printable ASCII only', () => {
    const judgement = judge(`\u202e\u001b[31m${'x'.repeat(10_000)}`, alert)
    assert.ok(judgement.kind === 'refused' && judgement.address === null)
    assert.match(judgement.detail, /^[\x20-\x7e]{1,120}$/)
  })
})

describe('private addresses', () => {
  for (const text of [
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '127.0.0.1',
    '169.254.1.1',
    '100.64.0.1',
  ])
    says(text, 'private')
  for (const text of [
    '224.0.0.1',
    '0.0.0.0',
    '192.0.0.8',
    '198.18.0.1',
    '198.19.255.255',
    '240.0.0.1',
    '255.255.255.255',
  ])
    says(text, 'private')
  for (const text of ['::', '::1', 'fe80::1', 'febf::1', 'fc00::1', 'fdff::1', 'ff02::1']) says(text, 'private')
  for (const text of ['64:ff9b::10.0.0.1', '2002:a00:1::1', '::ffff:127.0.0.1', '::ffff:7f00:1']) says(text, 'private')
  for (const text of ['192.0.2.7', '198.51.100.7', '203.0.113.7', '2001:db8::7', '3fff:fff::7']) says(text, 'private')
  says('172.15.255.255', '172.15.255.255')
  says('172.32.0.1', '172.32.0.1')
  says('100.128.0.1', '100.128.0.1')
  says('11.0.0.0/8', '11.0.0.0/8', {}, operator)
  says('8.0.0.0/6', 'private', {}, operator)
  says('203.0.113.7', '203.0.113.7', { allowDocumentationRanges: true })
  says('2001:db8::7', '2001:db8::/64', { allowDocumentationRanges: true })
  says('10.0.0.1', 'private', { allowDocumentationRanges: true })
  says('192.0.2.1', 'private', { allowDocumentationRanges: true })
  says('192.0.2.2', '192.0.2.2', { allowDocumentationRanges: true })
  says('10.0.0.1', 'private', {}, operator)
})

describe("Cloudflare's own addresses", () => {
  says('104.16.1.1', 'cloudflare')
  says('::ffff:104.16.1.1', 'cloudflare')
  says('2606:4700::1111', 'cloudflare')
  says('172.64.0.1', 'cloudflare', {}, operator)
  says('104.0.0.0/8', 'cloudflare', {}, operator)
  says('104.28.0.1', '104.28.0.1')
})

describe('what is said of a prefix that friends lie in', () => {
  const detail = (text: string) => {
    const judged = judge(text, operator)
    return judged.kind === 'refused' ? judged.detail : ''
  }

  it('is that it holds them, for it is none of them itself', () => {
    assert.equal(detail('0.0.0.0/0'), '0.0.0.0/0 holds private or reserved addresses')
    assert.equal(detail('104.0.0.0/8'), '104.0.0.0/8 holds addresses of Cloudflare itself')
    assert.match(detail('10.1.0.0/16'), /^10\.1\.0\.0\/16 is private or reserved/)
    assert.match(detail('104.16.0.0/16'), /^104\.16\.0\.0\/16 is Cloudflare itself/)
  })
})

describe('the allowlist', () => {
  says('8.8.8.8', 'allowlisted', allowing('8.8.8.8'))
  says('8.8.8.8', 'allowlisted', allowing('8.8.0.0/16'))
  says('8.8.8.0/24', 'allowlisted', allowing('8.8.8.8'))
  says('8.8.8.8', 'allowlisted', allowing('9.9.9.9', '8.8.8.1..8.8.8.9'))
  says('::ffff:8.8.8.8', 'allowlisted', allowing('8.8.8.8'))
  says('2a00:1450::7', 'allowlisted', allowing('2a00:1450::1'))
  says('2a00:1450::7', '2a00:1450::7', allowing('2a00:1450::1'), operator)
  says('8.8.8.8', 'allowlisted', allowing('8.8.8.8'), operator)
  says('8.8.8.8', '8.8.8.8', allowing('8.8.8.9', '::808:808'))

  it('is named with the note of the entry that was met', () => {
    const judgement = judge('8.8.8.8', { ...alert, ...allowing('1.1.1.1', '8.8.0.0/16') })
    assert.ok(judgement.kind === 'refused')
    assert.equal(judgement.detail, '8.8.8.8 meets 8.8.0.0/16 of the allowlist (the office)')
  })
})

describe('released addresses', () => {
  const released = [{ address: '8.8.8.0/24', at: '2026-05-01T10:00:00Z', until: '2026-05-02T10:00:00Z' }]
  const before = new Date('2026-05-01T09:00:00Z')

  says('8.8.8.0/24', 'released', { released })
  says('8.8.8.8', 'released', { released })
  says('8.8.8.8', '8.8.8.8', { released, decidedAt: before })
  says('8.8.8.0/24', 'released', { released, decidedAt: before })
  says('8.8.9.8', '8.8.9.8', { released })
  says('8.8.8.8', '8.8.8.8', { released, now: new Date('2026-05-02T10:00:00Z') })
  says('8.8.8.8', 'released', { released, now: new Date('2026-05-02T09:59:59Z') })
  says('8.8.8.8', '8.8.8.8', { released }, operator)
  says('8.8.8.0/24', '8.8.8.0/24', { released: [{ ...released[0], address: '8.8.8.8' } as (typeof released)[0]] })
  says('8.8.8.8', 'released', { released: [...released].map((r) => ({ ...r, address: '8.8.8.8..8.8.8.8' })) })
})

describe('breadth, age and observing', () => {
  says('8.8.8.0/24', '8.8.8.0/24')
  says('8.8.8.0/23', 'too-broad')
  says('2a00:1450:4001::/47', 'too-broad')
  says('8.0.0.0/8', '8.0.0.0/8', {}, operator)
  says('8.0.0.0/7', 'too-broad', {}, operator)
  says('2a00:1450::/32', '2a00:1450::/32', {}, operator)
  says('2a00:1450::/31', 'too-broad', {}, operator)
  says('8.8.8.8', 'too-old', { tooOld: true })
  says('8.8.8.8', '8.8.8.8', { tooOld: true }, operator)
  says('8.8.8.8', 'observing', { observing: true })
  says('8.8.8.8', '8.8.8.8', { observing: true }, operator)
})

describe('the order of the guards', () => {
  const everything = {
    ...allowing('8.8.0.0/16', '104.16.0.0/13', '10.0.0.0/8'),
    released: [{ address: '0.0.0.0/0', at: '2026-05-01T10:00:00Z', until: '2026-05-02T10:00:00Z' }],
    tooOld: true,
    observing: true,
  }
  says('nonsense', 'malformed', everything)
  says('10.0.0.1', 'private', everything)
  says('104.16.0.0/13', 'cloudflare', everything)
  says('8.8.0.0/16', 'allowlisted', everything)
  says('9.9.0.0/16', 'released', everything)
  says('9.9.0.0/16', 'too-broad', { ...everything, released: [] })
  says('9.9.9.9', 'too-old', { ...everything, released: [] })
  says('9.9.9.9', 'observing', { ...everything, released: [], tooOld: false })

  it('is the order of their names', () => {
    const expected =
      'no-address malformed private cloudflare allowlisted released too-broad too-old observing quota-spent'
    assert.equal(REFUSALS.join(' '), expected)
  })
})

describe('judging a standing ban again', () => {
  const still = (text: string, facts: Partial<GuardFacts> = {}) =>
    stillRefused(parseAddress(text) ?? assert.fail(), { ...alert, ...facts })?.refusal ?? null
  const released = [{ address: '8.8.0.0/16', at: '2026-05-01T10:00:00Z', until: '2026-05-02T10:00:00Z' }]

  it('refuses what has become a friend', () => {
    assert.equal(still('8.8.8.8', allowing('8.8.8.0/24')), 'allowlisted')
    assert.equal(still('8.8.8.8', { cloudflareRanges: addressSet(['8.8.8.0/24']) }), 'cloudflare')
    assert.equal(still('203.0.113.7'), 'private')
    assert.equal(still('8.8.8.8', { released }), 'released')
  })
  it('keeps a ban that only rode on a released wider one', () => {
    assert.equal(still('8.8.8.8', { released, decidedAt: new Date('2026-05-01T09:00:00Z') }), null)
  })
  it('asks neither for breadth nor for age nor for the mode', () => {
    assert.equal(still('8.0.0.0/8', { tooOld: true, observing: true }), null)
  })
})

describe('laws of the guards', () => {
  const suspect = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })).map(([a, n]) => `${a}/${n}`),
  )
  const facts = fc.record({ by: fc.constantFrom('alert' as const, 'operator' as const), entry: fc.ipV4() })

  it('whatever passes meets no private range, no Cloudflare range and no friend', () => {
    const friends = [
      '10.0.0.0/8',
      '192.168.0.0/16',
      '127.0.0.0/8',
      'fc00::/7',
      'fe80::/10',
      '::1',
      ...CLOUDFLARE_RANGES,
    ]
    fc.assert(
      fc.property(suspect, facts, (text, { by, entry }) => {
        const judgement = judge(text, { ...alert, by, ...allowing(entry) })
        return judgement.kind === 'refused' || !addressSet([...friends, entry]).overlaps(judgement.address)
      }),
    )
  })
  it('an automatic ban that passes is what an automatic ban of that address covers', () => {
    fc.assert(
      fc.property(suspect, (text) => {
        const judgement = judge(text, alert)
        const expected = automaticBan(parseAddress(text) ?? assert.fail()).text
        return judgement.kind === 'refused' || judgement.address.text === expected
      }),
    )
  })
})
