import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { addressSet } from '../../src/core/address-set.ts'
import { allowedId, readAllowed } from '../../src/core/allowed.ts'
import { createAllowed, createMerged } from '../../src/pipeline/allow.ts'
import { createHealth } from '../../src/pipeline/health.ts'
import { createIntents } from '../../src/pipeline/intents.ts'
import { createPausing, PausedError } from '../../src/pipeline/pause.ts'
import type { Records } from '../../src/ports.ts'
import { memoryRecords } from '../support/memory-records.ts'
import { jobOf } from '../support/stores-jobs.ts'

const AT = '2026-01-01T00:00:00.000Z'
const LATER = '2026-01-01T01:00:00.000Z'

function stage() {
  const records = memoryRecords()
  let now = new Date(AT)
  const recovered: string[] = []
  const clock = { now: () => now }
  const health = createHealth({
    clock,
    events: { degraded: () => undefined, recovered: () => undefined },
    onRecovered: (part) => recovered.push(part),
  })
  const names = new Map([['vpn.example.org', ['198.51.100.9']]])
  const failed: string[] = []
  const resolve = async (name: string) => {
    const found = names.get(name)
    if (found === undefined) throw new Error('ENOTFOUND')
    return found
  }
  return {
    ...{ records, health, recovered, names, failed },
    later: () => {
      now = new Date('2026-01-01T02:00:00.000Z')
    },
    pausing: createPausing({ records, clock, health }),
    allowed: createAllowed({ records, clock, resolve, onError: (name) => failed.push(name) }),
    allow: (entry: string, addresses: readonly string[], until: string | null = null) =>
      records.commit({
        put: [
          {
            collection: 'allowlist',
            id: allowedId(entry),
            doc: { entry, addresses, by: 'alice', at: AT, until, reason: 'vpn' },
          },
        ],
      }),
  }
}

describe('a pause', () => {
  it('ends by itself, also for who has not seen it begin, and wakes what waited', async () => {
    const { pausing, health, recovered, later, records } = stage()
    await pausing.begin({ by: 'alice', at: AT, until: LATER, reason: '' }, [])
    assert.deepEqual(
      health.degraded().map(({ part }) => part),
      ['paused'],
    )
    assert.equal((await pausing.read())?.by, 'alice')
    later()
    assert.equal(await pausing.read(), null)
    assert.deepEqual([health.degraded(), recovered], [[], ['paused']])
    assert.equal(await pausing.end([]), false)
    assert.equal(await records.count('history'), 0)
  })
})

describe('a decision', () => {
  it('that a pause overtakes is not written', async () => {
    const { records, pausing } = stage()
    let overtaken = false
    const slow: Records = {
      ...records,
      async commit(change) {
        if (!overtaken) await pausing.begin({ by: 'alice', at: AT, until: null, reason: '' }, [])
        overtaken = true
        return records.commit(change)
      },
    }
    const friends = { allowlist: [], cloudflareRanges: addressSet([]), allowDocumentationRanges: true }
    const clock = { now: () => new Date(AT), sleep: async () => undefined }
    const limits = { maxBansPerHour: 10, maxAlertAgeMs: 3600_000 }
    const intend = createIntents({ records: slow, clock, friends: () => friends, ...limits })
    const { alert } = jobOf('a'.repeat(64)).data
    const intent = { playbook: 'p', step: { durations: [null], zones: null }, observing: false, replayedAt: AT }
    await assert.rejects(intend({ ...intent, alert: { ...alert, suspects: ['198.51.100.7'] } }), PausedError)
    assert.ok(overtaken)
    assert.equal(await records.count('bans'), 0)
  })
})

describe('what people allow', () => {
  it('is the same list while nothing changes, and another one afterwards', async () => {
    const { allowed, allow } = stage()
    const merged = createMerged()
    const fixed = [{ text: '192.0.2.1', note: 'ALLOWLIST' }]
    assert.equal(merged(fixed, await allowed.entries()), fixed)
    await allow('198.51.100.7', ['198.51.100.7'])
    const list = merged(fixed, await allowed.entries())
    assert.equal(merged(fixed, await allowed.entries()), list)
    assert.deepEqual(list, [...fixed, { text: '198.51.100.7', note: 'allowed by alice: vpn' }])
  })

  it('ends when it was said to end', async () => {
    const { allowed, allow, later } = stage()
    await allow('198.51.100.7', ['198.51.100.7'], LATER)
    assert.equal((await allowed.entries()).length, 1)
    later()
    assert.deepEqual(await allowed.entries(), [])
  })

  it('follows a name, and keeps its last addresses when it stops resolving', async () => {
    const { allowed, allow, names, failed } = stage()
    await allow('vpn.example.org', await allowed.resolve('vpn.example.org'))
    names.set('vpn.example.org', ['198.51.100.10', '2001:db8::1'])
    await allowed.refresh()
    const texts = async () => (await allowed.entries()).map(({ text }) => text)
    assert.deepEqual(await texts(), ['198.51.100.10', '2001:db8::1'])
    names.clear()
    await allowed.refresh()
    assert.deepEqual([await texts(), failed], [['198.51.100.10', '2001:db8::1'], ['vpn.example.org']])
  })

  it('leaves alone what the names of ALLOWLIST were resolved to', async () => {
    const { allowed, records } = stage()
    await records.commit({ put: [{ collection: 'allowlist', id: 'name:self', doc: { addresses: ['192.0.2.9'] } }] })
    assert.deepEqual(await allowed.entries(), [])
  })

  it('is an address, a prefix or a host name, and nothing that looks like one', () => {
    for (const [text, entry] of [
      ['198.51.100.7', '198.51.100.7'],
      [' 10.0.0.5/24 ', '10.0.0.0/24'],
      ['VPN.Example.org.', 'vpn.example.org'],
    ] as const)
      assert.equal(readAllowed(text)?.entry, entry)
    for (const text of ['10.0.0.300', 'rubbish', 'self', '', 'a b.org', '1.2.3.4/40', 'x..y'])
      assert.equal(readAllowed(text), null, text)
  })
})
