import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { createElasticsearchSiem } from '../../src/adapters/elasticsearch.ts'
import { createKibanaSiem } from '../../src/adapters/kibana.ts'
import { RefusedError, RetryLaterError } from '../../src/errors.ts'
import type { Mark, Siem } from '../../src/ports.ts'
import { type SimulatedElasticsearch, startElasticsearch } from '../../src/simulator/elasticsearch.ts'
import { type SimulatedKibana, startKibana } from '../../src/simulator/kibana.ts'

/** The call that changes a status. */
const WRITES = { elasticsearch: '_update_by_query', kibana: 'signals/status' } as const

for (const way of ['elasticsearch', 'kibana'] as const) {
  describe(`a SIEM through ${way} that misbehaves`, () => {
    let elastic: SimulatedElasticsearch
    let kibana: SimulatedKibana
    before(async () => {
      elastic = await startElasticsearch({
        spaces: ['default', 'prod'],
        apiKeys: { good: ['read', 'write', 'maintenance'], reader: ['read'] },
      })
      kibana = await startKibana({ alerts: elastic.alerts, spaces: elastic.spaces, apiKeys: ['good'] })
    })
    beforeEach(() => {
      for (const server of [elastic, kibana]) {
        server.faults.clear()
        server.calls.length = 0
      }
    })
    after(() => Promise.all([elastic.close(), kibana.close()]))

    const server = () => (way === 'kibana' ? kibana : elastic)
    const siem = (changes: { apiKey?: string; timeoutMs?: number; spaces?: string[] } = {}): Siem => {
      const options = {
        url: server().url,
        apiKey: 'good',
        caFile: null,
        spaces: ['default'],
        timeoutMs: 2_000,
        ...changes,
      }
      return way === 'kibana' ? createKibanaSiem({ ...options, reader: null }) : createElasticsearchSiem(options)
    }
    const ack = (id: string, space = 'default'): Mark => ({ id, space, status: 'acknowledged', tag: 'blocked' })
    const retryable = (error: unknown): boolean => {
      assert.ok(error instanceof Error && error.constructor === Error, `may be tried again: ${error}`)
      assert.doesNotMatch(error.message, /good/)
      return true
    }

    it('makes up for alerts that others wrote to at the same time', async () => {
      const ids = [elastic.alerts.add(), elastic.alerts.add()]
      const [first = '', second = ''] = ids
      server().conflict(first, 2)
      const answers = await siem().mark([ack(first), ack(second)])
      assert.deepEqual([...answers.values()], ['done', 'done'])
      assert.deepEqual(ids.map(elastic.alerts.status), ['acknowledged', 'acknowledged'])
    })

    it('gives up, to be tried again, when an alert is never at rest', async () => {
      const id = elastic.alerts.add()
      server().conflict(id, 100)
      await assert.rejects(
        siem().mark([ack(id)]),
        (error) => retryable(error) && /keeps 1 alerts/.test((error as Error).message),
      )
      server().conflict(id, 0)
    })

    it('lets no alert fail for a tag alone', async () => {
      const id = elastic.alerts.add()
      for (const each of [elastic, kibana]) each.conflict(id, 100)
      const answers = await siem().mark([{ id, space: 'default', status: null, tag: 'private' }])
      for (const each of [elastic, kibana]) each.conflict(id, 0)
      assert.equal(answers.get(id), 'changed')
      assert.equal(elastic.alerts.status(id), 'open')
    })

    it('does not overrule an analyst who closes the alert while we are at it', async () => {
      const id = elastic.alerts.add()
      const gate = server().faults.hold({ path: WRITES[way] })
      const marked = siem().mark([ack(id)])
      await gate.arrived
      elastic.alerts.setStatus(id, 'closed')
      gate.open()
      assert.equal((await marked).get(id), 'closed')
      assert.equal(elastic.alerts.status(id), 'closed')
    })

    it('does no harm when a lost answer makes it mark again', async () => {
      const id = elastic.alerts.add()
      server().faults.next({ path: WRITES[way], method: 'POST' }, { kind: 'lost' })
      await assert.rejects(siem().mark([ack(id)]), retryable)
      assert.equal((await siem().mark([ack(id)])).get(id), 'done')
      assert.deepEqual(elastic.alerts.tags(id), ['portcullis:blocked'])
      assert.equal(elastic.alerts.changes.filter((change) => change.id === id).length, 1)
    })

    it('takes resets, cut answers, error pages and silence for failures that may pass', async () => {
      const id = elastic.alerts.add()
      for (const kind of ['reset', 'reset-in-answer', 'truncated', 'hang'] as const) {
        server().faults.next({ method: 'POST' }, { kind })
        await assert.rejects(siem({ timeoutMs: 200 }).mark([ack(id)]), retryable, kind)
      }
      for (const status of [500, 502, 503]) {
        server().faults.next({ method: 'POST' }, { kind: 'answer', status, body: '<html>Bad gateway</html>' })
        await assert.rejects(siem().mark([ack(id)]), retryable, `${status}`)
      }
      server().faults.next({ path: 'search' }, { kind: 'body', body: { hits: { hits: 'none' } } })
      await assert.rejects(siem().mark([ack(id)]), retryable)
    })

    it('does not take an alert for unknown when only a part could be searched', async () => {
      const id = elastic.alerts.add()
      const half = { timed_out: false, _shards: { total: 2, successful: 1, failed: 1 }, hits: { hits: [] } }
      server().faults.next({ path: 'search' }, { kind: 'body', body: half })
      await assert.rejects(siem().mark([ack(id), ack('nobody')]), retryable)
    })

    it('fails while nobody listens', async () => {
      await server().down()
      await assert.rejects(siem().mark([ack('x')]), /cannot be reached: it refuses the connection/)
      await server().up()
    })

    it('waits as long as a 429 says', async () => {
      server().faults.next({ method: 'POST' }, { kind: 'rate-limit', retryAfter: 3 })
      await assert.rejects(
        siem().mark([ack('x')]),
        (error) => error instanceof RetryLaterError && error.retryAfterMs === 3_000,
      )
    })

    it('names a refused key and a space without alerts as what a person must mend', async () => {
      const refused = (error: unknown): boolean => error instanceof RefusedError && error.part === 'elastic'
      const id = elastic.alerts.add()
      await assert.rejects(siem({ apiKey: 'wrong' }).mark([ack(id)]), refused)
      await assert.rejects(siem({ apiKey: 'wrong' }).probe(), refused)
      await assert.rejects(siem().mark([ack(id, 'nowhere')]), refused)
      await assert.rejects(siem({ spaces: ['default', 'nowhere'] }).probe(), refused)
    })

    it('marks alerts of several spaces, each in its own', async () => {
      const [here, there] = [elastic.alerts.add(), elastic.alerts.add({ space: 'prod' })]
      const answers = await siem().mark([ack(here), ack(there, 'prod'), ack(elastic.alerts.add(), 'prod')])
      assert.deepEqual([...answers.values()].sort(), ['done', 'done', 'unknown'])
      assert.equal(elastic.alerts.status(there), 'acknowledged')
    })

    it('takes the last of several marks of one alert', async () => {
      const id = elastic.alerts.add()
      const marks: Mark[] = [ack(id), { id, space: 'default', status: null, tag: 'edge-full' }]
      assert.equal((await siem().mark(marks)).get(id), 'done')
      assert.deepEqual([elastic.alerts.status(id), elastic.alerts.tags(id)], ['open', ['portcullis:edge-full']])
    })
  })
}

describe('a SIEM through Elasticsearch', () => {
  let elastic: SimulatedElasticsearch
  before(async () => {
    elastic = await startElasticsearch({ apiKeys: { reader: ['read'], good: ['read', 'write', 'maintenance'] } })
  })
  after(() => elastic.close())

  it('needs one call for up to a thousand marks that ask for the same, where all can be made', async () => {
    const marks: Mark[] = Array.from({ length: 2_000 }, (_, n) => {
      const status = n % 2 === 0 ? 'acknowledged' : null
      return { id: elastic.alerts.add(), space: 'default', status, tag: status === null ? 'private' : 'blocked' }
    })
    elastic.calls.length = 0
    const siem = createElasticsearchSiem({ url: elastic.url, apiKey: 'good', caFile: null, spaces: [] })
    const answers = await siem.mark(marks)
    assert.deepEqual(new Set(answers.values()), new Set(['done']))
    assert.equal(elastic.calls.length, 4)
    assert.deepEqual(
      marks.map(({ id }) => [elastic.alerts.status(id), ...elastic.alerts.tags(id)]),
      marks.map(({ status, tag }) => [status ?? 'open', `portcullis:${tag}`]),
    )
  })

  it('works with a cluster whose security is switched off', async () => {
    const body = { error: 'no handler found for uri [/_security/user/_has_privileges] and method [POST]' }
    elastic.faults.next({ path: '_has_privileges' }, { kind: 'answer', status: 400, body })
    await createElasticsearchSiem({ url: elastic.url, apiKey: 'good', caFile: null, spaces: ['default'] }).probe()
  })

  it('keeps a legacy status beside the new one in step', async () => {
    const id = elastic.alerts.add({ fields: { signal: { status: 'open' } } })
    const siem = createElasticsearchSiem({ url: elastic.url, apiKey: 'good', caFile: null, spaces: [] })
    await siem.mark([{ id, space: 'default', status: 'acknowledged', tag: 'blocked' }])
    assert.deepEqual(elastic.alerts.find(id)?.source.signal, { status: 'acknowledged' })
  })

  it('names the privileges that its key lacks', async () => {
    const siem = createElasticsearchSiem({ url: elastic.url, apiKey: 'reader', caFile: null, spaces: ['default'] })
    await assert.rejects(siem.probe(), /\.alerts-security\.alerts-default; give the key .* read, write, maintenance/)
  })

  it('does not take another server for Elasticsearch', async () => {
    const kibana = await startKibana({ alerts: elastic.alerts, apiKeys: ['good'] })
    const siem = createElasticsearchSiem({ url: kibana.url, apiKey: 'good', caFile: null, spaces: ['default'] })
    await assert.rejects(siem.probe())
    await kibana.close()
  })

  it('says which setting names a file of certificates that cannot be read', () => {
    const make = () =>
      createElasticsearchSiem({ url: elastic.url, apiKey: 'good', caFile: '/nowhere/ca.pem', spaces: [] })
    assert.throws(make, /ELASTIC_CA_FILE: \/nowhere\/ca\.pem cannot be read/)
  })
})

describe('a SIEM through a Kibana that knows no tags', () => {
  it('sets the status all the same, and fails for no tag', async (t) => {
    const elastic = await startElasticsearch()
    const kibana = await startKibana({ alerts: elastic.alerts, apiKeys: ['good'] })
    t.after(() => Promise.all([elastic.close(), kibana.close()]))
    const missing = { message: 'Not Found', status_code: 404 }
    kibana.faults.next({ path: 'signals/tags' }, { kind: 'answer', status: 404, body: missing }, 10)
    const siem = createKibanaSiem({ url: kibana.url, apiKey: 'good', caFile: null, spaces: [], reader: null })
    const [blocked, refused] = [elastic.alerts.add(), elastic.alerts.add()]
    const answers = await siem.mark([
      { id: blocked, space: 'default', status: 'acknowledged', tag: 'blocked' },
      { id: refused, space: 'default', status: null, tag: 'private' },
    ])
    assert.deepEqual([answers.get(blocked), answers.get(refused)], ['done', 'changed'])
    assert.deepEqual([blocked, refused].map(elastic.alerts.status), ['acknowledged', 'open'])
  })
})
