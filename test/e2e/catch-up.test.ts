import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startWorld } from '../../src/simulator/world.ts'
import { atEnd, FAST, freshPlace, type Service, startAll, startService } from '../support/service.ts'
import { allAcknowledged, missingFrom, numbered } from '../support/service-burst.ts'
import { withStores } from '../support/stores.ts'
import { until } from '../support/stores-jobs.ts'

const RULE = '8383a8d0-008b-47a5-94e5-496629dc3590'
const ONLY_CATCH_UP = { RECEIVER: 'off', WEBHOOK_SECRET: '', CATCH_UP_EVERY: '1s', CATCH_UP_RULES: RULE }
const SEARCH = '/_search'

withStores((kind, place) => {
  describe(`catch-up as the whole intake (${kind})`, () => {
    it('blocks and acknowledges every alert of a burst of 1,000, once each', { timeout: 280_000 }, async (t) => {
      const { world, service } = await startAll(t, place, {
        env: { ...ONLY_CATCH_UP, CLOUDFLARE_EXPRESSION_LIMIT: '100000' },
        world: { cloudflare: { expressionLimit: 100_000 } },
        seams: { rate: FAST },
      })
      assert.equal(service.app.webhookUrl, null)
      const addresses = numbered(1000)
      const ids = addresses.map((sourceIp) => world.alerts.add({ sourceIp }))
      await allAcknowledged(world, ids, 200_000)
      assert.deepEqual(missingFrom(world, addresses), [])
      assert.equal(world.alerts.changes.length, ids.length, 'an alert was acknowledged twice')
      await until(async () => (await concluded(service, 'blocked')) >= 1000, 60_000)
      assert.equal(await concluded(service, 'blocked'), 1000)
      await until(() => world.elasticsearch.openPits() === 0)
    })
  })
})

describe('catch-up beside what alerts may be', () => {
  it('finds the alert whose webhook was lost, beside the one that came', async (t) => {
    const { world, service } = await startAll(t, freshPlace(t), {
      env: { CATCH_UP_EVERY: '1s', CATCH_UP_RULES: RULE },
    })
    const came = world.alerts.add({ sourceIp: '203.0.113.10' })
    assert.equal((await service.post(world.webhook([came]))).status, 202)
    const lost = world.alerts.add({ sourceIp: '203.0.113.11' })
    await allAcknowledged(world, [came, lost], 30_000)
    assert.equal(world.alerts.changes.length, 2)
  })

  it('leaves alone what is not meant for it, and tags a refusal once', async (t) => {
    const { world, service } = await startAll(t, freshPlace(t), { env: ONLY_CATCH_UP })
    const add = (sourceIp: string, fields: Record<string, unknown>) => world.alerts.add({ sourceIp, fields })
    const others = [
      add('203.0.113.20', { 'kibana.alert.building_block_type': 'default' }),
      add('203.0.113.21', { 'kibana.alert.maintenance_window_ids': ['window'] }),
      add('203.0.113.22', { '@timestamp': new Date(Date.now() - 48 * 3600_000).toISOString() }),
      add('203.0.113.23', { 'kibana.alert.rule.rule_id': 'another' }),
      world.alerts.add({ sourceIp: '203.0.113.24', status: 'closed' }),
    ]
    const refused = world.alerts.add({ sourceIp: '10.1.2.3' })
    await until(() => world.alerts.tags(refused).includes('portcullis:private'), 30_000)
    await until(async () => (await concluded(service, 'private')) === 1)
    const seen = world.elasticsearch.count('POST', SEARCH)
    const written = world.elasticsearch.count('POST', '_update_by_query')
    // Two whole looks more.
    await until(() => world.elasticsearch.count('POST', SEARCH) >= seen + 3, 30_000)
    assert.equal(world.elasticsearch.count('POST', '_update_by_query'), written)
    assert.deepEqual([...others, refused].map(world.alerts.status), ['open', 'open', 'open', 'open', 'closed', 'open'])
    assert.deepEqual(others.flatMap(world.alerts.tags), [])
    assert.equal(await concluded(service, 'private'), 1)
  })

  it('reads through Kibana where nothing else is set', async (t) => {
    const place = freshPlace(t)
    const world = await startWorld()
    atEnd(t, () => world.close())
    const { url, apiKey } = world.kibana
    const kibana = { ELASTICSEARCH_URL: '', ELASTICSEARCH_API_KEY: '', KIBANA_URL: url, KIBANA_API_KEY: apiKey }
    const service = await startService(world, place.config(), { ...ONLY_CATCH_UP, ...kibana })
    atEnd(t, () => service.stop())
    const ids = ['203.0.113.50', '203.0.113.51'].map((sourceIp) => world.alerts.add({ sourceIp }))
    await allAcknowledged(world, ids, 30_000)
    assert.equal(world.elasticsearch.calls.length, 0)
  })

  it('observes an alert once and writes nothing to Elastic', async (t) => {
    const { world, service } = await startAll(t, freshPlace(t), { env: { ...ONLY_CATCH_UP, MODE: 'observe' } })
    const id = world.alerts.add({ sourceIp: '203.0.113.30' })
    await until(async () => (await concluded(service, 'observing')) === 1, 30_000)
    const seen = world.elasticsearch.count('POST', SEARCH)
    await until(() => world.elasticsearch.count('POST', SEARCH) >= seen + 3, 30_000)
    assert.equal(await concluded(service, 'observing'), 1)
    assert.deepEqual([world.alerts.status(id), world.alerts.tags(id)], ['open', []])
  })

  it('says that it is degraded while Elastic fails, and mends itself', async (t) => {
    const { world, service } = await startAll(t, freshPlace(t), { env: ONLY_CATCH_UP })
    const degraded = async () => /portcullis_degraded\{part="catch-up"\} (\d)/.exec(await service.metrics.text())?.[1]
    world.elasticsearch.faults.next({ path: '_pit' }, { kind: 'answer', status: 500, body: {} }, 1000)
    await until(async () => (await degraded()) === '1', 30_000)
    const id = world.alerts.add({ sourceIp: '203.0.113.40' })
    world.elasticsearch.faults.clear()
    await allAcknowledged(world, [id], 30_000)
    await until(async () => (await degraded()) === '0', 30_000)
  })
})

async function concluded({ metrics }: Service, outcome: string): Promise<number> {
  return Number(new RegExp(`\\{outcome="${outcome}"\\} (\\d+)`).exec(await metrics.text())?.[1] ?? 0)
}
