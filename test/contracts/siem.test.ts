import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Client } from '@elastic/elasticsearch'
import {
  createAlertReader,
  createElasticsearchClient,
  createElasticsearchSiem,
} from '../../src/adapters/elasticsearch.ts'
import { createKibanaSiem } from '../../src/adapters/kibana.ts'
import type { Mark, Siem } from '../../src/ports.ts'
import { type SimulatedElasticsearch, startElasticsearch } from '../../src/simulator/elasticsearch.ts'
import { createAlerts, STATUS, TAGS } from '../../src/simulator/elasticsearch-alerts.ts'
import { type SimulatedKibana, startKibana } from '../../src/simulator/kibana.ts'

/** A SIEM with alerts in the space `default`, and an analyst's hand in it. */
interface Bench {
  readonly siem: Siem
  add(status?: string): Promise<string>
  see(id: string): Promise<{ status: string | null; tags: string[] }>
  setStatus(id: string, status: string): Promise<void>
  setTags(id: string, tags: string[]): Promise<void>
}

const env = process.env
const elasticUrl = env.TEST_ELASTICSEARCH_URL ?? ''
const kibanaUrl = env.TEST_KIBANA_URL ?? ''

describe('a SIEM through Elasticsearch, simulated', () => {
  let elastic: SimulatedElasticsearch
  before(async () => {
    elastic = await startElasticsearch()
  })
  after(() => elastic.close())
  siemContract(() => simulated(elastic, createElasticsearchSiem(keyOf(elastic))))
})

for (const reading of ['Elasticsearch', 'Kibana']) {
  describe(`a SIEM through Kibana, simulated, reading through ${reading}`, () => {
    let elastic: SimulatedElasticsearch
    let kibana: SimulatedKibana
    before(async () => {
      elastic = await startElasticsearch()
      kibana = await startKibana({ alerts: elastic.alerts, spaces: elastic.spaces })
    })
    after(() => Promise.all([elastic.close(), kibana.close()]))
    siemContract(() => {
      const reader = reading === 'Kibana' ? null : createAlertReader(createElasticsearchClient(keyOf(elastic)))
      return simulated(elastic, createKibanaSiem({ ...keyOf(kibana), reader }))
    })
  })
}

describe('a SIEM through Elasticsearch itself', { skip: elasticUrl === '' }, () => {
  const options = { url: elasticUrl, apiKey: env.TEST_ELASTICSEARCH_API_KEY ?? '', caFile: null, spaces: ['default'] }
  const bench = real(() => createElasticsearchSiem(options))
  after(bench.clean)
  siemContract(bench.make)
})

describe('a SIEM through Kibana itself', { skip: elasticUrl === '' || kibanaUrl === '' }, () => {
  const options = { url: kibanaUrl, apiKey: env.TEST_KIBANA_API_KEY ?? '', caFile: null, spaces: ['default'] }
  const bench = real(() => createKibanaSiem({ ...options, reader: null }))
  after(bench.clean)
  siemContract(bench.make)
})

function siemContract(make: () => Bench): void {
  const mark = (id: string, status: Mark['status'], tag = 'blocked'): Mark => ({ id, space: 'default', status, tag })
  const one = async (bench: Bench, wanted: Mark) => (await bench.siem.mark([wanted])).get(wanted.id)

  it('acknowledges an open alert and says by a tag what was done', async () => {
    const bench = make()
    const id = await bench.add()
    assert.equal(await one(bench, mark(id, 'acknowledged')), 'done')
    assert.deepEqual(await bench.see(id), { status: 'acknowledged', tags: ['portcullis:blocked'] })
  })

  it('does nothing more when it is asked again', async () => {
    const bench = make()
    const id = await bench.add()
    await one(bench, mark(id, 'acknowledged'))
    assert.equal(await one(bench, mark(id, 'acknowledged')), 'done')
    assert.deepEqual(await bench.see(id), { status: 'acknowledged', tags: ['portcullis:blocked'] })
  })

  it('leaves alone what a person closed', async () => {
    const bench = make()
    const id = await bench.add()
    await bench.setStatus(id, 'closed')
    assert.equal(await one(bench, mark(id, 'acknowledged')), 'closed')
    assert.equal(await one(bench, mark(id, 'open')), 'closed')
    assert.deepEqual(await bench.see(id), { status: 'closed', tags: [] })
  })

  it('counts what a person acknowledged as done, without putting a tag on it', async () => {
    const bench = make()
    const id = await bench.add()
    await bench.setStatus(id, 'acknowledged')
    assert.equal(await one(bench, mark(id, 'acknowledged')), 'done')
    assert.deepEqual(await bench.see(id), { status: 'acknowledged', tags: [] })
  })

  it('closes open alerts only', async () => {
    const bench = make()
    const [open, taken] = [await bench.add(), await bench.add()]
    await bench.setStatus(taken, 'acknowledged')
    const answers = await bench.siem.mark([mark(open, 'closed'), mark(taken, 'closed')])
    assert.deepEqual([answers.get(open), answers.get(taken)], ['done', 'changed'])
    assert.equal((await bench.see(open)).status, 'closed')
    assert.equal((await bench.see(taken)).status, 'acknowledged')
  })

  it('opens again what we acknowledged, and nothing else', async () => {
    const bench = make()
    const [ours, theirs] = [await bench.add(), await bench.add()]
    await one(bench, mark(ours, 'acknowledged'))
    await bench.setStatus(theirs, 'acknowledged')
    const answers = await bench.siem.mark([mark(ours, 'open', 'displaced'), mark(theirs, 'open', 'displaced')])
    assert.deepEqual([answers.get(ours), answers.get(theirs)], ['done', 'changed'])
    assert.deepEqual(await bench.see(ours), { status: 'open', tags: ['portcullis:displaced'] })
    assert.deepEqual(await bench.see(theirs), { status: 'acknowledged', tags: [] })
  })

  it('replaces its earlier tag and keeps the tags of others', async () => {
    const bench = make()
    const id = await bench.add()
    await bench.setTags(id, ['phishing', 'portcullis:edge-full', 'night'])
    assert.equal(await one(bench, mark(id, null, 'allowlisted')), 'done')
    const { status, tags } = await bench.see(id)
    assert.equal(status, 'open')
    assert.deepEqual(tags.sort(), ['night', 'phishing', 'portcullis:allowlisted'])
  })

  it('tags a closed alert without opening it', async () => {
    const bench = make()
    const id = await bench.add('closed')
    assert.equal(await one(bench, mark(id, null, 'lapsed')), 'done')
    assert.deepEqual(await bench.see(id), { status: 'closed', tags: ['portcullis:lapsed'] })
  })

  it('knows an alert that is not there', async () => {
    const bench = make()
    const id = await bench.add()
    const answers = await bench.siem.mark([mark('no-such-alert', 'acknowledged'), mark(id, 'acknowledged')])
    assert.deepEqual([answers.get('no-such-alert'), answers.get(id)], ['unknown', 'done'])
  })

  it('makes marks of several statuses and tags in one go', async () => {
    const bench = make()
    const ids = await Promise.all(Array.from({ length: 6 }, () => bench.add()))
    const statuses = ['acknowledged', 'closed', null] as const
    const marks = ids.map((id, n) => mark(id, statuses[n % 3] ?? null, n < 3 ? 'blocked' : 'partly'))
    const answers = await bench.siem.mark(marks)
    for (const [n, id] of ids.entries()) {
      assert.equal(answers.get(id), 'done')
      const expected = { status: statuses[n % 3] ?? 'open', tags: [n < 3 ? 'portcullis:blocked' : 'portcullis:partly'] }
      assert.deepEqual(await bench.see(id), expected)
    }
  })

  it('has what it needs to work', async () => {
    await make().siem.probe()
    assert.equal((await make().siem.mark([])).size, 0)
  })
}

function keyOf(server: { url: string; apiKey: string }) {
  return { url: server.url, apiKey: server.apiKey, caFile: null, spaces: ['default'] }
}

function simulated({ alerts }: SimulatedElasticsearch, siem: Siem): Bench {
  return {
    siem,
    add: async (status = 'open') => alerts.add({ status }),
    see: async (id) => ({ status: alerts.status(id), tags: alerts.tags(id) }),
    setStatus: async (id, status) => alerts.setStatus(id, status),
    setTags: async (id, tags) => alerts.setTags(id, tags),
  }
}

/** Alerts made for the test in a real cluster, and deleted after it. */
function real(makeSiem: () => Siem): { make: () => Bench; clean: () => Promise<void> } {
  const index = '.alerts-security.alerts-default'
  const client = new Client({
    node: elasticUrl || 'http://127.0.0.1',
    auth: { apiKey: env.TEST_ELASTICSEARCH_API_KEY ?? '' },
  })
  const made: string[] = []
  const set = async (id: string, key: string, value: unknown): Promise<void> => {
    const script = { source: 'ctx._source[params.key] = params.value', params: { key, value } }
    await client.updateByQuery({ index, refresh: true, query: { ids: { values: [id] } }, script })
  }
  const make = (): Bench => ({
    siem: makeSiem(),
    async add(status = 'open') {
      const alerts = createAlerts()
      const id = alerts.add({ status })
      made.push(id)
      await client.create({ index, id, refresh: true, document: alerts.find(id)?.source ?? {} })
      return id
    },
    async see(id) {
      const { hits } = await client.search<Record<string, unknown>>({ index, query: { ids: { values: [id] } } })
      const source = hits.hits[0]?._source ?? {}
      return { status: (source[STATUS] as string) ?? null, tags: (source[TAGS] as string[]) ?? [] }
    },
    setStatus: (id, status) => set(id, STATUS, status),
    setTags: (id, tags) => set(id, TAGS, tags),
  })
  const clean = async (): Promise<void> => {
    if (made.length > 0) await client.deleteByQuery({ index, refresh: true, query: { ids: { values: made } } })
  }
  return { make, clean }
}
