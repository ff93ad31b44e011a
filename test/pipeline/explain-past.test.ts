import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { explainPast, type PastAlert } from '../../src/pipeline/explain-past.ts'
import { alertAt, DAY, depsOf, HOUR, iso, MINUTE, NARROW, replay, START } from '../support/past.ts'

describe('the past, explained', () => {
  it('lets bans grow with repeated offences, and takes alerts during a ban for the same one', async () => {
    const at = [0, 10 * MINUTE, 2 * HOUR, 3 * HOUR, 30 * HOUR]
    const { bans, outcomes } = await replay(at.map((ms, n) => alertAt(ms, '198.51.100.7', n)))
    assert.deepEqual(outcomes, { blocked: 5 })
    const [only] = bans.addresses
    assert.deepEqual([only?.bans, only?.offence, only?.alerts], [3, 3, 5])
    assert.equal(only?.totalMs, HOUR + 5 * HOUR + 5 * HOUR)
    assert.deepEqual([bans.total, bans.repeated, bans.peak], [3, 2, { count: 1, at: new Date(START).toISOString() }])
    assert.equal(only?.last, new Date(START + 30 * HOUR).toISOString())
  })

  it('names friends with examples, and alerts without an address', async () => {
    const suspects = ['10.0.0.1', '10.0.0.1', '10.0.0.2', '104.16.0.9', '203.0.114.5', 'rubbish']
    const alerts = suspects.map((suspect, n) => alertAt(n, suspect, n))
    const past = await replay([...alerts, { ...alertAt(9, '', 9), suspects: [] }], {
      friends: { allowlist: [{ text: '203.0.114.0/28', note: 'ALLOWLIST' }] },
    })
    const said = past.refused.map(({ refusal, alerts: count, suspects: many }) => [refusal, count, many])
    assert.deepEqual(said, [
      ['no-address', 1, 1],
      ['malformed', 1, 1],
      ['private', 3, 2],
      ['cloudflare', 1, 1],
      ['allowlisted', 1, 1],
    ])
    const examples = past.refused.find(({ refusal }) => refusal === 'private')?.examples
    assert.deepEqual(
      examples?.map(({ suspect, alerts: count }) => [suspect, count]),
      [
        ['10.0.0.1', 2],
        ['10.0.0.2', 1],
      ],
    )
    assert.equal(past.alerts.withoutAddress, 1)
    assert.equal(past.bans.total, 0)
  })

  it('spends the quota hour by hour', async () => {
    const suspects = Array.from({ length: 9 }, (_, n) => `198.51.100.${n + 10}`)
    const burst = suspects.map((suspect, n) => alertAt(n * 1000, suspect, n))
    const past = await replay([...burst, alertAt(HOUR, '198.51.100.99', 99)], { maxBansPerHour: 6, limit: 4096 })
    assert.deepEqual(past.quota, { limit: 6, peak: { count: 6, at: iso(5000) }, refusedAlerts: 3 })
    assert.deepEqual(past.outcomes, { blocked: 7, 'quota-spent': 3 })
  })

  it('lets who finds no room wait, move up when a ban ends, and lapse after MAX_ALERT_AGE', async () => {
    const burst = Array.from({ length: 6 }, (_, n) => alertAt(n, `198.51.100.${n + 10}`, n))
    const past = await replay(burst)
    assert.deepEqual([past.alerts.waited, past.edges[0]?.waiting.count], [2, 2])
    assert.deepEqual(past.outcomes, { blocked: 6 })
    assert.deepEqual(past.edges[0]?.peak, { count: NARROW, at: iso(3) })
    const forever = await replay(burst, { duration: 'forever', until: 3 * DAY })
    assert.deepEqual(forever.outcomes, { blocked: 4, lapsed: 2 })
    assert.equal(forever.bans.addresses[0]?.totalMs, null)
    const soon = await replay(burst, { duration: 'forever', until: HOUR })
    assert.deepEqual(soon.outcomes, { blocked: 4, 'edge-full': 2 })
  })

  it('counts each zone for itself, and a list by its items', async () => {
    const burst = Array.from({ length: 6 }, (_, n) => alertAt(n, `198.51.100.${n + 10}`, n))
    const zones = await replay(burst, {
      edges: [
        { name: 'shop', limit: 4096 },
        { name: 'blog', limit: NARROW },
      ],
    })
    assert.deepEqual(
      zones.edges.map(({ edge, waiting }) => [edge, waiting.count]),
      [
        ['shop', 0],
        ['blog', 2],
      ],
    )
    const [list] = (await replay(burst, { edges: [{ name: 'list:portcullis', limit: null }] })).edges
    assert.deepEqual([list?.unit, list?.limit, list?.peak.count], ['items', null, 6])
  })

  it('lets a playbook that observes ban nobody, and leaves out what no playbook answers', async () => {
    const alerts = [alertAt(0, '198.51.100.7', 0), alertAt(1, '198.51.100.8', 1)]
    const observed = await replay(alerts, { mode: 'observe' })
    assert.deepEqual([observed.outcomes, observed.bans.total], [{ observing: 2 }, 0])
    const others = await replay([...alerts, null], { rule: 'Another rule' })
    assert.deepEqual([others.outcomes, others.alerts.unanswered, others.alerts.invalid], [{}, 2, 1])
  })

  it('finds the same room for prefixes, of which one covers another, as a pass would', async () => {
    const suspects = ['10', '11'].map((n) => `198.51.100.${n}`)
    suspects.push('198.51.100.0/24', ...['1', '2', '3', '4'].map((n) => `198.51.10${n}.5`))
    const past = await replay(suspects.map((suspect, n) => alertAt(n, suspect, n)))
    assert.deepEqual([past.outcomes, past.alerts.waited], [{ blocked: 7 }, 1])
    assert.equal(past.edges[0]?.peak.count, NARROW - 1)
    const list = await replay(
      suspects.map((suspect, n) => alertAt(n, suspect, n)),
      { edges: [{ name: 'list:portcullis', limit: null }] },
    )
    assert.deepEqual([list.bans.total, list.edges[0]?.peak.count], [7, 7])
  })

  it('reads no further than it has decided', async () => {
    let [read, asked] = [0, 0]
    const many = async function* (): AsyncGenerator<PastAlert> {
      for (; read < 10_000; read++)
        yield { alert: alertAt(read * 20_000, `198.51.${read % 256}.${(read >> 8) + 10}`, read), at: new Date(START) }
    }
    const deps = depsOf({ limit: 4096, maxBansPerHour: 50 })
    const edgesOf = (zones: readonly string[] | null) => {
      assert.equal(read, asked++)
      return deps.edgesOf(zones)
    }
    const span = { since: new Date(START), until: new Date(START + 3 * DAY) }
    assert.equal((await explainPast({ ...deps, edgesOf }, many(), span)).alerts.read, 10_000)
  })
})
