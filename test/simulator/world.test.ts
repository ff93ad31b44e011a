import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { HELD_AT_FIRST, startWorld, type World } from '../../src/simulator/world.ts'

describe('the simulated world', () => {
  let world: World
  before(async () => {
    world = await startWorld()
  })
  after(() => world.close())

  it('begins with three foreign rules and a rule of ours in the old form', () => {
    const ours = world.zone.rules().filter((rule) => rule.description === 'webserver scanning block')
    assert.equal(world.zone.rules().length, 4)
    assert.deepEqual(
      ours.map((rule) => rule.expression),
      [HELD_AT_FIRST.map((address) => `(ip.src eq ${address})`).join(' or ')],
    )
  })

  it('renders alerts nested, as Kibana sends them, from documents with dotted keys', () => {
    const id = world.alerts.add({ sourceIp: '203.0.113.5' })
    const body = JSON.parse(world.webhook([id]))
    assert.equal(body.total, '1')
    assert.equal(body.alerts[0]._id, id)
    assert.equal(body.alerts[0].source.ip, '203.0.113.5')
    assert.equal(body.alerts[0].kibana.alert.workflow_status, 'open')
    assert.deepEqual(body.alerts[0].agent, { name: 'web-1', type: 'filebeat', version: '8.19.0' })
    assert.deepEqual(JSON.parse(world.webhook([id], 'array')), body.alerts)
  })

  it('finds alerts by status, rule and age in order, a page at a time', async () => {
    const { url, apiKey } = world.elasticsearch
    const ids = [1, 2, 3].map((n) =>
      world.alerts.add({ ruleId: 'paged', fields: { '@timestamp': `2026-01-0${n}T00:00:00Z` } }),
    )
    world.alerts.setStatus(ids[1] ?? '', 'closed')
    const page = async (after: unknown[] | undefined) => {
      const response = await fetch(`${url}/.alerts-security.alerts-*/_search`, {
        method: 'POST',
        headers: { authorization: `ApiKey ${apiKey}` },
        body: JSON.stringify({
          size: 1,
          query: {
            bool: {
              filter: [
                { term: { 'kibana.alert.workflow_status': 'open' } },
                { terms: { 'kibana.alert.rule.rule_id': ['paged'] } },
                { range: { '@timestamp': { gte: '2025-12-31T00:00:00Z' } } },
              ],
              must_not: [{ exists: { field: 'kibana.alert.building_block_type' } }],
            },
          },
          sort: [{ '@timestamp': 'asc' }, { 'kibana.alert.uuid': 'asc' }],
          _source: ['source.ip', 'kibana.alert.rule.*'],
          ...(after ? { search_after: after } : {}),
        }),
      })
      const { hits } = (await response.json()) as {
        hits: { hits: { _id: string; sort: unknown[]; _source: Record<string, unknown> }[] }
      }
      return hits.hits
    }
    const [first] = await page(undefined)
    const [second] = await page(first?.sort)
    assert.deepEqual([first?._id, second?._id], [ids[0], ids[2]])
    assert.deepEqual(await page(second?.sort), [])
    assert.deepEqual(first?._source.source, { ip: '203.0.113.7' })
    assert.ok(!('event.kind' in (first?._source ?? {})))
  })

  it('turns a closed alert into an acknowledged one when Kibana is asked by id, but not by a query for open ones', async () => {
    const id = world.alerts.add({ status: 'closed' })
    const set = (body: object) =>
      fetch(`${world.kibana.url}/api/detection_engine/signals/status`, {
        method: 'POST',
        headers: { authorization: `ApiKey ${world.kibana.apiKey}`, 'kbn-xsrf': 'x' },
        body: JSON.stringify({ status: 'acknowledged', ...body }),
      })
    const open = [{ terms: { _id: [id] } }, { term: { 'kibana.alert.workflow_status': 'open' } }]
    await set({ query: { bool: { filter: open } } })
    assert.equal(world.alerts.status(id), 'closed')
    await set({ signal_ids: [id] })
    assert.equal(world.alerts.status(id), 'acknowledged')
    assert.deepEqual(world.alerts.changes.at(-1), { ...world.alerts.changes.at(-1), from: 'closed', by: 'kibana' })
  })

  it('says how Portcullis is pointed at it', () => {
    const { CLOUDFLARE_API_URL, CLOUDFLARE_ZONE_ID } = world.environment()
    assert.equal(CLOUDFLARE_API_URL, world.cloudflare.url)
    assert.equal(CLOUDFLARE_ZONE_ID, `shop=${world.zone.id}`)
  })
})
