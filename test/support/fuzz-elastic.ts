import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  createAlertReader,
  createElasticsearchClient,
  createElasticsearchSiem,
} from '../../src/adapters/elasticsearch.ts'
import { createElasticsearchOpen } from '../../src/adapters/elasticsearch-open.ts'
import { createKibanaSiem } from '../../src/adapters/kibana.ts'
import { createKibanaOpen } from '../../src/adapters/kibana-open.ts'
import type { Mark, OpenAlerts, Siem } from '../../src/ports.ts'
import { startWorld } from '../../src/simulator/world.ts'
import { assertNamed, MOST_CALLS, MOST_MS } from './fuzz-answer.ts'
import { answersSpoiled, type Spoiled, startProxy } from './fuzz-proxy.ts'
import type { Target } from './fuzz-run.ts'

interface Called {
  readonly through: 'elasticsearch' | 'kibana' | 'both'
  readonly call: 'mark' | 'tag' | 'probe' | 'open'
  readonly answers: readonly Spoiled[]
}

const RULE = 'Web Scan'
const MARKED = ['done', 'closed', 'changed', 'unknown']

/** Answers of Elasticsearch and Kibana, whatever they are: read as they stand, or an error with a name. */
export async function elasticTarget(): Promise<{ target: Target<Called>; close(): Promise<void> }> {
  const world = await startWorld()
  const elasticsearch = await startProxy(world.elasticsearch.url)
  const kibana = await startProxy(world.kibana.url)
  const common = { caFile: null, spaces: ['default'], timeoutMs: MOST_MS }
  const es = { ...common, url: elasticsearch.origin, apiKey: world.elasticsearch.apiKey }
  const kb = { ...common, url: kibana.origin, apiKey: world.kibana.apiKey }
  const client = createElasticsearchClient(es)
  const siems: Record<Called['through'], Siem> = {
    elasticsearch: createElasticsearchSiem(es),
    kibana: createKibanaSiem({ ...kb, reader: null }),
    both: createKibanaSiem({ ...kb, reader: createAlertReader(client) }),
  }
  const opens: Record<Called['through'], OpenAlerts> = {
    elasticsearch: createElasticsearchOpen(client),
    kibana: createKibanaOpen(kb),
    both: createElasticsearchOpen(client),
  }
  const ids = [1, 2].map((n) => world.alerts.add({ sourceIp: `198.51.100.${n}`, ruleName: RULE }))
  const secrets = [es.apiKey, kb.apiKey]
  return {
    target: {
      name: 'answers of Elastic',
      inputs: fc.record({
        through: fc.constantFrom('elasticsearch', 'kibana', 'both'),
        call: fc.constantFrom('mark', 'mark', 'tag', 'probe', 'open'),
        answers: answersSpoiled,
      }),
      async holds({ through, call, answers }) {
        const siem = siems[through]
        for (const id of ids) {
          world.alerts.setStatus(id, 'open')
          world.alerts.setTags(id, [])
        }
        const status = call === 'tag' ? null : 'acknowledged'
        const marks: Mark[] = ids.map((id) => ({ id, space: 'default', status, tag: 'blocked' }))
        elasticsearch.spoil(answers)
        kibana.spoil(answers)
        await assertNamed(async () => {
          if (call === 'probe') return siem.probe()
          if (call === 'open') return readAll(opens[through])
          const marked = await siem.mark(marks)
          assert.deepEqual([...marked.keys()].sort(), [...ids].sort())
          for (const word of marked.values()) assert.ok(MARKED.includes(word), word)
        }, secrets)
        const calls = elasticsearch.calls() + kibana.calls()
        assert.ok(calls <= MOST_CALLS, `${calls} calls`)
        for (const id of ids) assert.ok(['open', 'acknowledged'].includes(String(world.alerts.status(id))))
      },
    },
    async close() {
      await client.close()
      await elasticsearch.close()
      await kibana.close()
      await world.close()
    },
  }
}

async function readAll(open: OpenAlerts): Promise<void> {
  const query = { space: 'default', rules: [RULE], since: new Date(Date.now() - 3_600_000), without: [] }
  for await (const page of open.open(query)) assert.ok(Array.isArray(page) && page.length > 0)
}
