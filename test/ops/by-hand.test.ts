import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Ban } from '../../src/core/ban.ts'
import { jobOf } from '../support/stores-jobs.ts'
import { banOf, startOps } from './harness.ts'

let ops: Awaited<ReturnType<typeof startOps>>
before(async () => {
  ops = await startOps()
})
after(() => ops.stop())

const banned = async (address: string) => (await ops.records.get<Ban>('bans', [address])).get(address)?.doc

describe('a ban by hand', () => {
  it('is written with its reason, and held when the answer says so', async () => {
    const answer = await ops.post('/api/bans', { address: '198.51.100.7', duration: '2h', reason: 'scans us' })
    assert.equal(answer.status, 201)
    assert.equal(answer.json.held, true)
    const [reason] = (await banned('198.51.100.7'))?.reasons ?? []
    assert.equal(reason?.origin, 'operator')
    assert.equal(reason?.id, 'alice')
    assert.equal(reason?.note, 'scans us')
    assert.equal(reason?.durationMs, 2 * 3600_000)
  })

  it('adds a reason to a ban of an alert and keeps that one', async () => {
    await ops.putBans(banOf('198.51.100.8'))
    await ops.post('/api/bans', { address: '198.51.100.8', reason: 'for longer', duration: 'forever' })
    assert.deepEqual((await banned('198.51.100.8'))?.reasons.map(({ origin }) => origin).sort(), ['alert', 'operator'])
  })

  it('is refused by name where the guards say no', async () => {
    for (const [address, refusal] of [
      ['10.1.2.3', 'private'],
      ['104.16.1.1', 'cloudflare'],
      ['203.0.113.5', 'allowlisted'],
      ['192.0.0.0/4', 'private'],
      ['11.0.0.0/7', 'private'],
      ['24.0.0.0/7', 'too-broad'],
      ['nonsense', 'malformed'],
    ] as const) {
      const answer = await ops.post('/api/bans', { address, reason: 'x' })
      assert.equal(answer.status, 422, address)
      assert.equal(answer.json.refusal, refusal, address)
      assert.equal(await banned(address), undefined)
    }
  })

  it('can be forced past the allowlist and the width, with a reason, and past nothing else', async () => {
    const force = (address: string) => ops.post('/api/bans', { address, reason: 'x', force: true, duration: '1h' })
    assert.equal((await force('203.0.113.6')).json.forced, 'allowlisted')
    assert.equal((await force('24.0.0.0/7')).json.forced, 'too-broad')
    assert.equal((await force('198.51.100.60')).json.forced, null)
    for (const [address, refusal] of [
      ['198.51.100.250', 'allowlisted'],
      ['10.1.2.3', 'private'],
      ['104.16.1.1', 'cloudflare'],
      ['104.0.0.0/6', 'cloudflare'],
      ['nonsense', 'malformed'],
    ] as const) {
      const answer = await force(address)
      assert.deepEqual([answer.status, answer.json.refusal, answer.json.forcible], [422, refusal, false], address)
      assert.equal(await banned(address), undefined)
    }
  })

  it('wants an address and a duration that can be read', async () => {
    for (const body of [
      {},
      { address: '198.51.100.9', force: true },
      { address: '198.51.100.9', reason: 'x', duration: '1 day' },
    ])
      assert.equal((await ops.post('/api/bans', body)).status, 400, JSON.stringify(body))
    assert.equal((await ops.post('/api/bans', { address: '198.51.100.9', reason: 'a\nb' })).status, 400)
  })
})

describe('lifting a ban', () => {
  const lift = (address: string) => ops.call(`/api/bans/${encodeURIComponent(address)}`, { method: 'DELETE' })

  it('takes it away wholly, keeps the address from automatic bans, and verifies it', async () => {
    await ops.putBans(banOf('198.51.100.20', { offence: 3 }))
    const answer = await lift('198.51.100.20')
    assert.equal(answer.status, 200)
    assert.equal(answer.json.verified, true)
    assert.equal(await banned('198.51.100.20'), undefined)
    const released = await ops.records.get<{ until: string }>('released', ['198.51.100.20'])
    assert.ok((released.get('198.51.100.20')?.doc.until ?? '') > new Date().toISOString())
    const offences = await ops.records.get<{ count: number; how: string }>('offences', ['198.51.100.20'])
    assert.deepEqual([offences.get('198.51.100.20')?.doc.count, offences.get('198.51.100.20')?.doc.how], [3, 'lifted'])
  })

  it('finds nothing to do for an address that is not banned', async () => {
    assert.equal((await lift('198.51.100.99')).status, 404)
  })

  it('takes the address as a query, too, and says so where there is none', async () => {
    await ops.putBans(banOf('198.51.100.21'), banOf('198.51.102.0/24'))
    for (const address of ['198.51.100.21', '198.51.102.0/24']) {
      const answer = await ops.call(`/api/bans?address=${address}&reason=a+customer`, { method: 'DELETE' })
      assert.deepEqual([answer.status, answer.json.lifted], [200, [address]])
      assert.equal(await banned(address), undefined)
    }
    const { entries } = (await ops.call('/api/history?limit=1')).json
    assert.equal(entries[0].detail, 'a customer')
    const before = await ops.records.count('bans')
    for (const query of ['', '?address=', '?address=198.51.100.8&address=198.51.100.7']) {
      const answer = await ops.call(`/api/bans${query}`, { method: 'DELETE' })
      assert.deepEqual([answer.status, await ops.records.count('bans')], [400, before], query)
    }
  })

  it('says which wider ban an address is a part of', async () => {
    await ops.putBans(banOf('192.0.2.0/24'))
    const answer = await lift('192.0.2.55')
    assert.equal(answer.status, 409)
    assert.deepEqual(answer.json.covered, [{ address: '192.0.2.55', by: ['192.0.2.0/24'] }])
    assert.equal((await lift('192.0.2.0/24')).json.verified, true)
  })

  it('is in the history, with who did it and why', async () => {
    await ops.post('/api/bans', { address: '198.51.100.30', reason: 'why it was banned' })
    const { entries } = (await ops.call('/api/history?limit=1')).json
    assert.equal(entries.length, 1)
    assert.deepEqual(
      [entries[0].kind, entries[0].by, entries[0].addresses, entries[0].detail],
      ['banned', 'alice', ['198.51.100.30'], 'for 1h (the first length of 90-block.yaml): why it was banned'],
    )
    const older = await ops.call(`/api/history?limit=1&before=${encodeURIComponent(entries[0].id)}`)
    assert.ok(older.json.entries[0].id < entries[0].id)
  })
})

describe('orders', () => {
  it('replay alerts, and say which are not kept', async () => {
    const answer = await ops.post('/api/replay', { alerts: ['unknown-alert-id'] })
    assert.equal(answer.status, 404)
    assert.deepEqual(answer.json.unknown, ['unknown-alert-id'])
    for (const alerts of [undefined, [], 'x', [1]])
      assert.equal((await ops.post('/api/replay', { alerts })).status, 400)
  })

  it('replay no alert that is at work, and say which those are', async (t) => {
    const [rests, works] = ['e'.repeat(64), 'f'.repeat(64)]
    await ops.queue.add([jobOf(rests), jobOf(works)])
    ops.atWork.add(works)
    t.after(() => ops.atWork.clear())
    const both = await ops.post('/api/replay', { alerts: [rests, works] })
    assert.equal(both.status, 200)
    assert.deepEqual([both.json.replayed, both.json.busy, both.json.unknown], [[rests], [works], []])
    assert.match(both.json.message, /At work already, and not begun anew: 1/)
    assert.equal((await ops.post('/api/replay', { alerts: [works] })).status, 409)
  })

  it('pause, and pause anew; every answer says so until it is over', async () => {
    const first = (await ops.post('/api/pause', { reason: 'first' })).json.paused
    const again = (await ops.post('/api/pause', { reason: 'again', duration: '1h' })).json.paused
    assert.deepEqual([first.reason, first.until, again.reason, again.until === null], ['first', null, 'again', false])
    assert.deepEqual((await ops.call('/api/bans')).json.paused, again)
    assert.deepEqual((await ops.post('/api/resume', { edge: 'shop' })).json.paused, again)
    const over = (await ops.post('/api/resume', {})).json
    assert.deepEqual([over.pauseEnded, over.paused], [true, null])
    assert.equal((await ops.call('/api/bans')).json.paused, undefined)
  })

  it('resume an edge by its name', async () => {
    assert.deepEqual((await ops.post('/api/resume', { edge: 'blog' })).json.resumed, ['blog'])
    assert.equal((await ops.post('/api/resume', { edge: 'nowhere' })).status, 404)
  })
})
