import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { type CloudflareZone, createCloudflareZone } from '../../src/adapters/cloudflare.ts'
import { PermanentError, RefusedError, RetryLaterError } from '../../src/errors.ts'
import type { Rule } from '../../src/ports.ts'
import { type SimulatedCloudflare, startCloudflare } from '../../src/simulator/cloudflare.ts'
import type { SimulatedZone } from '../../src/simulator/cloudflare-zone.ts'
import { until } from '../support/stores-jobs.ts'

const RULES: Rule[] = [{ action: 'block', expression: '(ip.src in {192.0.2.1})', ref: 'ours' }]
const entry = { path: 'entrypoint' }

describe('an edge whose Cloudflare misbehaves', () => {
  let cloudflare: SimulatedCloudflare
  let zone: SimulatedZone
  let taken = 0
  let closed: Date[] = []
  let seen: string[] = []
  before(async () => {
    cloudflare = await startCloudflare({
      tokens: { 'secret-token': ['waf-write', 'zone-read'], reader: ['waf-read'] },
      zones: [{ rules: RULES }],
    })
    zone = cloudflare.zone(cloudflare.zones[0]?.id ?? '')
  })
  beforeEach(() => {
    cloudflare.faults.clear()
    cloudflare.calls.length = 0
    taken = 0
    closed = []
    seen = []
  })
  after(() => cloudflare.close())

  const edge = (changes: { token?: string; timeoutMs?: number; id?: string } = {}): CloudflareZone =>
    createCloudflareZone({
      apiUrl: cloudflare.url,
      token: changes.token ?? 'secret-token',
      zone: { name: '', id: changes.id ?? zone.id },
      timeoutMs: changes.timeoutMs ?? 2_000,
      budget: {
        take: async () => {
          taken += 1
        },
        close: async (until) => {
          closed.push(until)
        },
      },
      onCall: (method, status) => seen.push(`${method} ${status}`),
    })
  const retryable = (error: unknown): boolean => {
    assert.ok(error instanceof Error && error.constructor === Error, `may be tried again: ${error}`)
    assert.doesNotMatch(error.message, /secret-token/)
    return true
  }

  it('reads rules that are left out or null, and versions that are numbers', async () => {
    for (const ruleset of [{ version: '7' }, { version: 7, rules: null }, { version: 7, rules: [] }]) {
      const body = { success: true, errors: null, messages: null, result: { id: 'not-hex', ...ruleset } }
      cloudflare.faults.next(entry, { kind: 'answer', status: 200, body })
      assert.deepEqual(await edge().read(), { id: 'not-hex', version: 7, rules: [] })
    }
  })

  it('answers null only when Cloudflare says by its code that there is no entry point', async () => {
    cloudflare.faults.next(entry, { kind: 'answer', status: 404, body: '<html>not here</html>' })
    await assert.rejects(edge().read(), retryable)
    const other = { success: false, result: null, errors: [{ code: 1, message: 'no' }] }
    cloudflare.faults.next(entry, { kind: 'answer', status: 404, body: other })
    await assert.rejects(edge().read(), PermanentError)
    const absent = { success: false, result: null, errors: [{ code: 10003, message: 'could not find entrypoint' }] }
    cloudflare.faults.next(entry, { kind: 'answer', status: 404, body: absent })
    assert.equal(await edge().read(), null)
  })

  it('reads once more after a reset, taking from the budget again, but not a third time', async () => {
    cloudflare.faults.next(entry, { kind: 'reset' })
    assert.equal((await edge().read())?.rules.length, 1)
    assert.equal(taken, 2)
    assert.deepEqual(seen, ['GET failed', 'GET 200'])
    cloudflare.faults.next(entry, { kind: 'reset' }, 2)
    await assert.rejects(edge().read(), retryable)
  })

  it('never sends a write twice, whether it was applied or not', async () => {
    const version = zone.version()
    cloudflare.faults.next({ method: 'PUT' }, { kind: 'reset' })
    await assert.rejects(edge().write(RULES), retryable)
    assert.equal(zone.version(), version)
    cloudflare.faults.next({ method: 'PUT' }, { kind: 'lost' })
    await assert.rejects(edge().write(RULES), retryable)
    assert.equal(zone.version(), version + 1)
    assert.equal(cloudflare.count('PUT'), 2)
  })

  it('gives up a call that hangs, and a write that was held lands late all the same', async () => {
    // Long enough for a call to arrive on a machine that is busy.
    const timeoutMs = 500
    cloudflare.faults.next(entry, { kind: 'hang' })
    await assert.rejects(edge({ timeoutMs }).read(), /no answer within 0.5 s/)
    const version = zone.version()
    const gate = cloudflare.faults.hold({ method: 'PUT' })
    await assert.rejects(edge({ timeoutMs }).write(RULES), retryable)
    await gate.arrived
    assert.equal(zone.version(), version)
    gate.open()
    await until(() => zone.version() !== version)
    assert.equal(zone.version(), version + 1)
  })

  it('waits for an answer that is merely late', async () => {
    cloudflare.faults.next(entry, { kind: 'delay', ms: 30 })
    assert.equal((await edge().read())?.rules.length, 1)
  })

  it('takes broken, cut and wrong-typed answers for failures that may pass', async () => {
    const bodies: unknown[] = [
      [],
      'null',
      { success: true, result: null },
      { success: true, result: { id: 'x', version: 7.5, rules: [] } },
      { success: true, result: { id: 'x', version: '7', rules: {} } },
      { success: true, result: { id: 'x', version: '7', rules: ['a'] } },
      { success: true, result: { id: 'x', version: '7', rules: [{ id: 5 }] } },
      { success: true, result: { id: 'x', version: '7', rules: [{ id: 'a', expression: 5 }] } },
      { success: true, result: { version: '7', rules: [] } },
      { success: 'true', result: { id: 'x', version: '7', rules: [] } },
      { success: false, result: null, errors: [] },
      { success: false, result: null, errors: null, messages: null },
    ]
    for (const body of bodies) {
      cloudflare.faults.next(entry, { kind: 'body', body })
      await assert.rejects(edge().read(), retryable, JSON.stringify(body))
    }
    cloudflare.faults.next(entry, { kind: 'truncated' })
    await assert.rejects(edge().read(), retryable)
    cloudflare.faults.next(entry, { kind: 'reset-in-answer' }, 2)
    await assert.rejects(edge().read(), retryable)
  })

  it('takes error pages for failures that may pass', async () => {
    for (const status of [500, 502, 503, 504, 520, 524, 200, 400]) {
      cloudflare.faults.next(entry, { kind: 'answer', status, body: '<!DOCTYPE html><h1>Bad</h1>' })
      await assert.rejects(edge().read(), retryable, String(status))
    }
  })

  it('says when to come back after a 429, and closes the budget for everybody until then', async () => {
    for (const [given, expected] of [
      [7, 7_000],
      [undefined, 30_000],
      [4_000, 300_000],
    ] as const) {
      const now = Date.now()
      cloudflare.faults.next(entry, {
        kind: 'rate-limit',
        ...(given === undefined ? {} : { retryAfter: given }),
      })
      await assert.rejects(edge().read(), (error) => {
        return error instanceof RetryLaterError && error.retryAfterMs === expected
      })
      const closedUntil = closed.pop()?.getTime() ?? 0
      assert.ok(closedUntil >= now + expected && closedUntil <= Date.now() + expected)
    }
  })

  it('tells refused tokens and unknown zones from everything else, without naming the token', async () => {
    const refused = (error: unknown, text: RegExp): boolean => {
      assert.ok(error instanceof RefusedError)
      assert.equal(error.part, 'cloudflare')
      assert.match(error.message, text)
      assert.doesNotMatch(error.message, /wrong-token/)
      return true
    }
    await assert.rejects(edge({ token: 'wrong-token' }).read(), (error) => refused(error, /CLOUDFLARE_API_TOKEN/))
    await assert.rejects(edge({ token: 'wrong-token' }).verifyToken(), (error) => refused(error, /Invalid API Token/))
    await assert.rejects(edge({ token: 'reader' }).probe(), (error) => refused(error, /Zone WAF/))
    await assert.rejects(edge({ id: 'abc' }).read(), (error) => refused(error, /CLOUDFLARE_ZONE_ID/))
    assert.equal(await edge({ token: 'reader' }).zoneName(), null)
    assert.equal(await edge().zoneName(), zone.name)
  })

  it("keeps Cloudflare's text and code where it refuses the rules", async () => {
    const six = Array.from({ length: 6 }, () => ({ action: 'block', expression: 'ip.src eq 192.0.2.1' }))
    await assert.rejects(edge().write(six), (error) => {
      assert.ok(error instanceof PermanentError)
      assert.equal((error as { code?: unknown }).code, 50001)
      assert.match(error.message, /exceeded the maximum number of rules in the phase .*: 6 out of 5/)
      return true
    })
    assert.equal(zone.rules().length, 1)
  })

  it('sends only rules, without the fields that Cloudflare alone sets', async () => {
    cloudflare.manners.refuseReadOnly = true
    const read = await edge().read()
    const written = await edge().write(read?.rules ?? [])
    assert.deepEqual(written.rules, read?.rules)
    cloudflare.manners.refuseReadOnly = false
  })

  it('reads an entry point whose list of rules is left out as an empty one', async () => {
    assert.deepEqual((await edge().write([])).rules, [])
    assert.deepEqual((await edge().read())?.rules, [])
    await edge().write(RULES)
  })

  it('fails while nobody listens, and works again afterwards', async () => {
    await cloudflare.down()
    await assert.rejects(edge().read(), /refuses the connection/)
    await cloudflare.up()
    assert.ok(await edge().read())
  })
})
