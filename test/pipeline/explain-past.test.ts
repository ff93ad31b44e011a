import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createTemplates } from '../../src/adapters/templates.ts'
import { parsePlaybook } from '../../src/adapters/yaml-playbook.ts'
import { addressSet } from '../../src/core/address-set.ts'
import type { Alert } from '../../src/core/alert.ts'
import type { Ban } from '../../src/core/ban.ts'
import { CLOUDFLARE_RANGES } from '../../src/core/cloudflare-ranges.ts'
import type { Past } from '../../src/core/past.ts'
import { type ExplainPastDeps, explainPast, type PastAlert } from '../../src/pipeline/explain-past.ts'
import { pipelineWorld } from '../support/service-pipeline.ts'
import { blocking } from '../support/service-stage.ts'

const START = Date.parse('2026-03-01T00:00:00.000Z')
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** Room for four addresses of thirteen characters. */
const NARROW = '(ip.src in {})'.length + 4 * 14 - 1

describe('the past, explained', () => {
  it('agrees with the service that lives through the same alerts', async () => {
    const story = fc.array(
      fc.record({ minute: fc.integer({ min: 0, max: 26 * 60 }), attacker: fc.integer({ min: 1, max: 9 }) }),
      { minLength: 1, maxLength: 40 },
    )
    await fc.assert(
      fc.asyncProperty(story, async (events) => {
        const sent = events
          .toSorted((a, b) => a.minute - b.minute)
          .map(({ minute, attacker }, n) => {
            const suspect = attacker === 9 ? '10.0.0.1' : `198.51.100.${attacker + 10}`
            return alertAt(minute * MINUTE + n, suspect, n)
          })
        const [lived, explained] = [await live(sent), await replay(sent, { maxBansPerHour: 5 })]
        assert.deepEqual(explained.outcomes, lived.outcomes)
        assert.deepEqual(Object.fromEntries(explained.bans.addresses.map((a) => [a.address, a.bans])), lived.bans)
        assert.equal(explained.bans.peak.count, lived.peak)
        assert.equal(explained.edges[0]?.peak.count, lived.used)
      }),
      { numRuns: 4 },
    )
  })

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

interface Setting {
  readonly maxBansPerHour?: number
  readonly limit?: number
  readonly edges?: ExplainPastDeps['edges']
  readonly duration?: string
  readonly mode?: string
  readonly rule?: string
  readonly friends?: Partial<ExplainPastDeps['friends']>
  /** Milliseconds after the start. */
  readonly until?: number
}

function depsOf(setting: Setting): ExplainPastDeps {
  const { mode = 'enforce', rule } = setting
  const text = blocking(setting.duration ?? '[1h, 5h]', { mode, ...(rule === undefined ? {} : { rule }) })
  const edges = setting.edges ?? [{ name: 'shop', limit: setting.limit ?? NARROW }]
  const templates = createTemplates()
  return {
    playbooks: [parsePlaybook(text, 'block.yaml')],
    edges,
    edgesOf: (zones) => zones ?? edges.map(({ name }) => name),
    friends: {
      ...{ allowlist: [], cloudflareRanges: addressSet(CLOUDFLARE_RANGES), allowDocumentationRanges: true },
      ...setting.friends,
    },
    ...{ maxBansPerHour: setting.maxBansPerHour ?? 100_000, maxAlertAgeMs: DAY, offenceMemoryMs: 180 * DAY },
    test: templates.test,
  }
}

async function replay(
  alerts: readonly (Alert | null)[],
  setting: Setting = {},
): Promise<Omit<Past, 'against' | 'notes'>> {
  const past = async function* (): AsyncGenerator<PastAlert> {
    for (const alert of alerts) yield alert && { alert, at: new Date(alert.time ?? 0) }
  }
  const until = new Date(START + (setting.until ?? 2 * DAY))
  return explainPast(depsOf(setting), past(), { since: new Date(START), until })
}

/** The same alerts through the whole pipeline, minute by minute. */
async function live(alerts: readonly Alert[]) {
  const world = pipelineWorld({
    playbook: blocking('[1h, 5h]'),
    env: { MAX_BANS_PER_HOUR: '5', CLOUDFLARE_EXPRESSION_LIMIT: String(NARROW), ALLOW_DOCUMENTATION_RANGES: 'true' },
  })
  const begun = new Map<string, Set<string>>()
  let [peak, used] = [0, 0]
  const look = async () => {
    const bans = (await world.records.all<Ban>('bans')).map(({ doc }) => doc)
    for (const { address, reasons } of bans) {
      const until = reasons[0]?.until
      if (until) begun.set(address, (begun.get(address) ?? new Set()).add(until))
    }
    peak = Math.max(peak, bans.filter((ban) => ban.edges.shop?.held).length)
    const rule = world.edges[0]?.rules().find(({ description }) => description === 'webserver scanning block')
    used = Math.max(used, bans.length === 0 ? 0 : String(rule?.expression ?? '').length)
  }
  let next = 0
  for (let minute = 0; minute <= 2 * 24 * 60; minute++) {
    while (next < alerts.length && Date.parse(alerts[next]?.time ?? '') < START + (minute + 1) * MINUTE) {
      const alert = alerts[next++] as Alert
      world.clock.advance(Date.parse(alert.time ?? '') - world.clock.now().getTime())
      await world.queue.run(await world.deliver(alert.suspects[0] ?? '', alert))
      await world.background()
      await look()
    }
    world.clock.advance(START + (minute + 1) * MINUTE - 1 - world.clock.now().getTime())
    await world.tick()
    for (const { id } of alerts.slice(0, next)) {
      const state = world.queue.state(id)
      if (state === 'waiting' || state === 'delayed') await world.queue.run(id)
    }
    await look()
  }
  const outcomes: Record<string, number> = {}
  for (const { id } of alerts) {
    const outcome = (await world.record(id))?.outcome ?? 'edge-full'
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
  }
  return { outcomes, peak, used, bans: Object.fromEntries([...begun].map(([address, ends]) => [address, ends.size])) }
}

function alertAt(ms: number, suspect: string, n: number): Alert {
  return {
    ...{
      id: `alert-${n}`,
      index: '',
      space: 'default',
      severity: 'high',
      run: 'scheduled',
      eventTime: true,
      evidence: {},
    },
    rule: { id: 'rule-1', ruleId: 'rule-1', name: 'Potential Web Server Scanning', tags: [] },
    time: iso(ms),
    suspects: [suspect],
  }
}

function iso(ms: number): string {
  return new Date(START + ms).toISOString()
}
