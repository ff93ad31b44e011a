import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createElasticsearchClient } from '../../src/adapters/elasticsearch.ts'
import { createElasticsearchOpen } from '../../src/adapters/elasticsearch-open.ts'
import { createKibanaOpen } from '../../src/adapters/kibana-open.ts'
import { RefusedError, RetryLaterError } from '../../src/errors.ts'
import type { OpenAlerts, OpenQuery } from '../../src/ports.ts'
import { type SimulatedElasticsearch, startElasticsearch } from '../../src/simulator/elasticsearch.ts'
import { type SimulatedKibana, startKibana } from '../../src/simulator/kibana.ts'

interface Hit {
  readonly _id: string
  readonly _index: string
  readonly _source: Record<string, unknown>
}

for (const way of ['elasticsearch', 'kibana'] as const) {
  describe(`open alerts through ${way}`, () => {
    let elastic: SimulatedElasticsearch
    let kibana: SimulatedKibana
    before(async () => {
      elastic = await startElasticsearch({ spaces: ['default', 'prod'] })
      kibana = await startKibana({ alerts: elastic.alerts, spaces: elastic.spaces })
    })
    after(() => Promise.all([elastic.close(), kibana.close()]))

    const server = () => (way === 'kibana' ? kibana : elastic)
    const source = (apiKey = server().apiKey): OpenAlerts => {
      const options = { url: server().url, apiKey, caFile: null, spaces: ['default'], timeoutMs: 2_000 }
      return way === 'kibana' ? createKibanaOpen(options) : createElasticsearchOpen(createElasticsearchClient(options))
    }
    let rule = 0
    const query = (rules: readonly string[], changes: Partial<OpenQuery> = {}): OpenQuery => ({
      ...{ space: 'default', rules, since: new Date(Date.now() - 86_400_000), without: ['private'] },
      ...changes,
    })
    const newRule = () => `rule-${++rule}`
    async function idsOf(
      asked: OpenQuery,
      each: (page: number) => void = () => {},
      from = source(),
    ): Promise<string[]> {
      const ids: string[] = []
      let page = 0
      for await (const hits of from.open(asked)) {
        ids.push(...(hits as Hit[]).map((hit) => hit._id))
        each(++page)
      }
      return ids
    }

    it('come whole, each once, oldest first, however many pages they fill', async () => {
      const ruleId = newRule()
      // Several raised at the same moment, as one run of a rule does.
      const at = (n: number) => new Date(Date.now() - 3600_000 + Math.floor(n / 300) * 1000).toISOString()
      const added = Array.from({ length: 650 }, (_, n) =>
        elastic.alerts.add({ ruleId, fields: { '@timestamp': at(n) } }),
      )
      const ids = await idsOf(query([ruleId]))
      assert.deepEqual([...ids].sort(), [...added].sort())
      assert.deepEqual(new Set(ids.slice(0, 300)), new Set(added.slice(0, 300)))
    })

    it('come whole although those of each page are acknowledged before the next', async () => {
      const ruleId = newRule()
      const added = Array.from({ length: 450 }, () => elastic.alerts.add({ ruleId }))
      const read: string[] = []
      for await (const hits of source().open(query([ruleId]))) {
        for (const { _id } of hits as Hit[]) {
          read.push(_id)
          elastic.alerts.setStatus(_id, 'acknowledged')
        }
      }
      assert.deepEqual(read.sort(), added.sort())
    })

    it('carry what an alert is made of', async () => {
      const ruleId = newRule()
      elastic.alerts.add({ ruleId, sourceIp: ['203.0.113.1', '203.0.113.2'] })
      for await (const [hit] of source().open(query([ruleId]))) {
        const { _index, _source } = hit as Hit
        assert.equal(_index, '.internal.alerts-security.alerts-default-000001')
        assert.deepEqual(_source.source, { ip: ['203.0.113.1', '203.0.113.2'] })
        assert.equal(_source['Esql.event_count'], 312)
        assert.equal('kibana.alert.rule.parameters' in _source, way === 'kibana')
      }
    })

    it('are found by the name of their rule and by either id', async () => {
      const uuid = `uuid-${newRule()}`
      const one = elastic.alerts.add({ ruleName: `Named ${uuid}` })
      const two = elastic.alerts.add({ fields: { 'kibana.alert.rule.uuid': uuid } })
      const three = elastic.alerts.add({ ruleId: `id-${uuid}` })
      const ids = await idsOf(query([`Named ${uuid}`, uuid, `id-${uuid}`]))
      assert.deepEqual(ids.sort(), [one, two, three].sort())
    })

    it('are open, young, of the space, no building blocks, outside of maintenance windows and not settled', async () => {
      const ruleId = newRule()
      const add = (fields: Record<string, unknown>, more = {}) => elastic.alerts.add({ ruleId, fields, ...more })
      add({ '@timestamp': new Date(Date.now() - 90_000_000).toISOString() })
      add({ 'kibana.alert.building_block_type': 'default' })
      add({ 'kibana.alert.maintenance_window_ids': ['w'] })
      add({ 'kibana.alert.workflow_tags': ['night', 'portcullis:private'] })
      add({}, { status: 'closed' })
      add({}, { space: 'prod' })
      const wanted = [
        add({ 'kibana.alert.maintenance_window_ids': [] }),
        add({ 'kibana.alert.workflow_tags': ['portcullis:edge-full'] }),
      ]
      assert.deepEqual((await idsOf(query([ruleId]))).sort(), wanted.sort())
      assert.equal((await idsOf(query([ruleId], { space: 'prod' }))).length, 1)
    })

    it('are refused by name where the key or the space is wrong', async () => {
      const refused = (error: unknown) => error instanceof RefusedError && error.part === 'elastic'
      await assert.rejects(idsOf(query(['r']), undefined, source('wrong')), refused)
      await assert.rejects(idsOf(query(['r'], { space: 'nowhere' })), refused)
    })

    it('fail, to be read again, when Elastic is overloaded, slow or breaks off', async () => {
      const ruleId = newRule()
      for (let n = 0; n < 250; n++) elastic.alerts.add({ ruleId })
      server().faults.next({ path: 'search' }, { kind: 'rate-limit', retryAfter: 3 })
      await assert.rejects(idsOf(query([ruleId])), (e) => e instanceof RetryLaterError && e.retryAfterMs === 3000)
      let first = true
      const breakAfterFirst = () => {
        if (first) server().faults.next({ path: 'search' }, { kind: 'reset' })
        first = false
      }
      await assert.rejects(idsOf(query([ruleId]), breakAfterFirst), /cannot be reached/)
      assert.equal((await idsOf(query([ruleId]))).length, 250)
    })

    it('come whole, each once, through a gateway that lets nothing but searches pass', async () => {
      const ruleId = newRule()
      const added = Array.from({ length: 450 }, () => elastic.alerts.add({ ruleId }))
      elastic.faults.next({ path: '_pit' }, { kind: 'answer', status: 404, body: { error: 'no handler found' } })
      assert.deepEqual((await idsOf(query([ruleId]))).sort(), added.sort())
      elastic.faults.clear()
    })

    it('leave nothing open at Elasticsearch, also when the reader turns away', async () => {
      const ruleId = newRule()
      for (let n = 0; n < 450; n++) elastic.alerts.add({ ruleId })
      for await (const hits of source().open(query([ruleId]))) {
        assert.equal(hits.length, way === 'kibana' ? 100 : 200)
        break
      }
      assert.equal(elastic.openPits(), 0)
    })
  })
}
