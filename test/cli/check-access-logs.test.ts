import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { checkElastic } from '../../src/adapters/check-elastic.ts'
import type { Finding } from '../../src/adapters/check-finding.ts'
import { configForCheck } from '../../src/config.ts'
import { startWorld, type World } from '../../src/simulator/world.ts'

describe('portcullis check, on access logs,', () => {
  let world: World
  before(async () => {
    world = await startWorld()
  })
  after(() => world.close())
  afterEach(() => {
    world.elasticsearch.logs.length = 0
  })

  const logged = (dataset: string, count: number, sourceIp: string | null, hoursAgo = 1) => {
    const time = new Date(Date.now() - hoursAgo * 3600_000).toISOString()
    for (let n = 0; n < count; n++) world.elasticsearch.logs.push({ dataset, sourceIp, time })
  }

  async function found(changes: Record<string, string> = {}): Promise<Finding[]> {
    const { config } = configForCheck({ ...world.environment(), ...changes })
    const findings: Finding[] = []
    for await (const finding of checkElastic(config)) findings.push(finding)
    return findings.filter(({ what }) => what === 'access logs')
  }

  it('says which share is Cloudflare, private or missing, and which pipeline mends it', async () => {
    logged('traefik.access', 10, '172.68.1.1')
    logged('traefik.access', 5, '2606:4700::1')
    logged('traefik.access', 20, '10.1.2.3')
    logged('traefik.access', 5, null)
    logged('traefik.access', 60, '203.0.113.9')
    logged('traefik.access', 400, null, 30)
    const [finding, ...more] = await found()
    assert.deepEqual(more, [])
    assert.equal(finding?.level, 'warn')
    assert.match(
      finding?.message ?? '',
      /^source\.ip in traefik\.access: 15 % Cloudflare edges, 20 % private, 5 % missing, of 100 events of the last day\n/,
    )
    assert.match(finding?.message ?? '', /logs-traefik\.access@custom of docs\/elastic\.md/)
  })

  it('finds logs good that name clients, each kind for itself', async () => {
    logged('traefik.access', 200, '203.0.113.9')
    logged('traefik.access', 1, '127.0.0.1')
    logged('nginx.access', 50, '104.16.0.1')
    logged('nginx.error', 50, null)
    const findings = await found()
    assert.deepEqual(
      findings.map(({ level }) => level),
      ['good', 'warn'],
    )
    assert.match(
      findings[1]?.message ?? '',
      /100 % Cloudflare edges.*of 50[\s\S]*let the server log the client[\s\S]*logs-nginx\.access@custom/,
    )
  })

  it('only notes that there are none, that the key may not read them, or that nothing shows them', async () => {
    const [none] = await found()
    assert.deepEqual([none?.level, /none of the last day is seen/.test(none?.message ?? '')], ['note', true])
    const [unknown] = await found({ ELASTICSEARCH_API_KEY: 'an-unknown-key' })
    assert.deepEqual([unknown?.level, /the key may not read logs-traefik/.test(unknown?.message ?? '')], ['note', true])
    const [kibana] = await found({ ELASTICSEARCH_URL: '' })
    assert.deepEqual([kibana?.level, /ELASTICSEARCH_URL is not set/.test(kibana?.message ?? '')], ['note', true])
  })
})
