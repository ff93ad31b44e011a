import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Past } from '../../src/core/past.ts'
import { startWorld, type World } from '../../src/simulator/world.ts'
import { runHere } from './here.ts'

const RULE = '8383a8d0-008b-47a5-94e5-496629dc3590'
const HOUR = 3600_000
const now = new Date('2026-06-01T12:00:00.000Z')

describe('playbooks explain --since', () => {
  let world: World
  before(async () => {
    world = await startWorld({ elasticsearch: { spaces: ['default', 'prod'] } })
    const statuses = ['open', 'acknowledged', 'closed']
    for (let n = 0; n < 9; n++) raised(20 * n, { sourceIp: '198.51.100.7', status: statuses[n % 3] ?? '' })
    raised(1, { sourceIp: '203.0.113.9', space: 'prod' })
    raised(2, { sourceIp: '10.0.0.9' })
    raised(3, { sourceIp: '192.0.2.70' })
    raised(4, { sourceIp: null })
    raised(5, { sourceIp: '198.51.100.8', ruleId: 'another', ruleName: 'Another rule' })
    raised(6, { sourceIp: '198.51.100.9', fields: { 'kibana.alert.building_block_type': 'default' } })
    raised(31 * 24, { sourceIp: '198.51.100.10' })
  })
  after(() => world.close())

  function raised(hoursAgo: number, sketch: Parameters<World['alerts']['add']>[0]): void {
    const time = new Date(now.getTime() - hoursAgo * HOUR - 60_000).toISOString()
    world.alerts.add({ time, ...sketch, fields: { '@timestamp': time, ...sketch?.fields } })
  }

  const run = (line: string, changes: Record<string, string> = {}) => {
    const env = { ...world.environment(), ALLOWLIST: '192.0.2.64/28', CATCH_UP_RULES: RULE, ...changes }
    return runHere(`playbooks explain ${line}`.split(' '), env, { now: () => now })
  }
  const past = async (line: string, changes: Record<string, string> = {}): Promise<Past> => {
    const { out, err } = await run(`${line} -o json`, changes)
    assert.equal(err, '')
    return JSON.parse(out)
  }

  it('replays the alerts of the named rules, of any status, in every space, and changes none', async () => {
    const before = world.alerts.changes.length
    const { alerts, outcomes, bans } = await past('--since 30d')
    assert.equal(alerts.read, 13)
    assert.deepEqual(outcomes, { blocked: 10, allowlisted: 1, 'no-address': 1, private: 1 })
    assert.deepEqual(
      bans.addresses.map(({ address, bans: count, offence }) => [address, count, offence]),
      [
        ['198.51.100.7', 3, 3],
        ['203.0.113.9', 1, 1],
      ],
    )
    assert.equal(world.alerts.changes.length, before)
    assert.equal(world.elasticsearch.openPits(), 0)
  })

  it('finds the same through Kibana alone', async () => {
    const elastic = await past('--since 30d')
    const kibana = await past('--since 30d', { ELASTICSEARCH_URL: '' })
    assert.deepEqual(kibana, elastic)
  })

  it('looks at every rule where that is asked', async () => {
    const { alerts, rules } = await past('--since 30d --all-rules')
    assert.equal(alerts.read, 14)
    assert.deepEqual(
      rules.map(({ rule }) => rule),
      ['Potential Web Server Scanning', 'Another rule'],
    )
  })

  it('counts the items of a list, and all zones', async () => {
    const [list] = (await past('--since 30d', { CLOUDFLARE_TARGET: 'list' })).edges
    assert.deepEqual([list?.edge, list?.unit, list?.peak.count], ['list:portcullis', 'items', 2])
  })

  it('can be read on a page', async () => {
    const { out, code } = await run('--since 30d')
    assert.equal(code, 0)
    assert.match(
      out,
      /^Asked: alerts of the rules .*8383a8d0.* as if MODE=enforce, from an empty ledger\. Nothing was changed\./,
    )
    assert.match(out, /90-block\.yaml answers alerts of any rule .*--all-rules/)
    assert.match(out, /From 2026-05-02 12:00 UTC to 2026-06-01 12:00 UTC/)
    assert.match(out, /4 bans of 2 addresses\n {2}2 of them for a further offence; at most 2 at once, on /)
    assert.match(out, /198\.51\.100\.7 +3 +8d1h +9 +2026-05-25 19:59 UTC +Potential Web Server Scanning/)
    assert.match(out, /shop: at most \d+ of 4096 characters, on .*; nobody waited for room/)
    assert.match(out, /at most \d new bans in an hour, of 50 \(MAX_BANS_PER_HOUR\)/)
    assert.match(out, /allowlisted: 1 alert, 1 address\n +1 × 192\.0\.2\.70 meets 192\.0\.2\.64\/28/)
  })

  it('says what is missing or wrong', async () => {
    const cases: [string, Record<string, string>, number, RegExp][] = [
      ['--since 30d', { ELASTICSEARCH_URL: '', KIBANA_URL: '' }, 1, /Set ELASTICSEARCH_URL/],
      ['--since 30d', { ELASTICSEARCH_API_KEY: 'an-unknown-key' }, 1, /ELASTICSEARCH_API_KEY/],
      ['--since yesterday', {}, 2, /--since must look like/],
      ['--since 30d body.json', {}, 2, /--since reads Elastic/],
      ['body.json --all-rules', {}, 2, /--all-rules goes with --since/],
    ]
    for (const [line, env, expected, words] of cases) {
      const { code, err } = await run(line, env)
      assert.equal(code, expected, line)
      assert.match(err, words)
    }
  })
})
