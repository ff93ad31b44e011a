import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, describe, it } from 'node:test'
import { FAST } from '../support/service.ts'
import { blocking, stageFor } from '../support/service-stage.ts'
import { withStores } from '../support/stores.ts'
import { until } from '../support/stores-jobs.ts'

withStores((kind, place) => {
  describe(`the steps of a playbook (${kind})`, () => {
    const target = listener()
    after(() => target.close())
    const stage = stageFor(place, {
      prepare: async () => ({ playbooks: playbooks(await target.listen()) }),
      env: { HTTP_PRIVATE_TARGETS: '127.0.0.1' },
      seams: { rate: FAST },
    })

    it('call a URL once, although a later step fails', async () => {
      stage.world.elasticsearch.faults.next({}, { kind: 'answer', status: 503, body: {} }, 2)
      const id = await stage.send({ sourceIp: '203.0.113.10', ruleName: 'Told' })
      await stage.becomes(id, 'acknowledged', 'blocked')
      assert.deepEqual(target.heard('/told'), ['{"text":"Told names 203.0.113.10"}'])
    })

    it('call again what failed, without beginning anew', async () => {
      target.answers.push(500, 503)
      const id = await stage.send({ sourceIp: '203.0.113.11', ruleName: 'Told' })
      await stage.becomes(id, 'acknowledged', 'blocked')
      assert.equal(target.heard('/told').filter((body) => body.includes('203.0.113.11')).length, 3)
    })

    it('park where a host refuses the call, and name the host', async () => {
      target.answers.push(401)
      const id = await stage.send({ sourceIp: '203.0.113.12', ruleName: 'Told' })
      await until(async () => (await stage.degraded()).includes('host:127.0.0.1'))
      assert.equal(stage.world.alerts.status(id), 'open')
    })

    it('go on after a call that failed for good, where the playbook says so', async () => {
      const id = await stage.send({ sourceIp: '203.0.113.13', ruleName: 'Told if possible' })
      await stage.becomes(id, 'acknowledged', 'blocked')
      assert.equal(target.heard('/missing').length, 1)
    })

    it('cannot acknowledge around a block that an `if` skipped', async () => {
      const id = await stage.send({ sourceIp: '203.0.113.14', ruleName: 'Conditional' })
      await until(() => stage.world.alerts.tags(id).length > 0)
      assert.equal(stage.world.alerts.status(id), 'open')
      assert.ok(!stage.held().includes('203.0.113.14'))
    })

    it('cannot acknowledge around a block that failed, whatever `on-failure` says', async (t) => {
      const { faults } = stage.world.cloudflare
      // Also where another pass meets the first of them.
      faults.next({}, { kind: 'answer', status: 502, body: '<html>' }, 1_000)
      t.after(faults.clear)
      const id = await stage.send({ sourceIp: '203.0.113.15', ruleName: 'Careless' })
      await stage.becomes(id, 'open', 'gave-up')
    })

    it('observe where only the playbook says so', async () => {
      const id = await stage.send({ sourceIp: '203.0.113.16', ruleName: 'Watched' })
      await until(async () => (await stage.concluded('observing')) === 1)
      assert.equal(stage.world.alerts.status(id), 'open')
      assert.deepEqual(stage.world.alerts.tags(id), [])
      assert.ok(!stage.held().includes('203.0.113.16'))
      assert.equal(target.heard('/watched').length, 0)
    })
  })
})

function playbooks(url: string): Record<string, string> {
  const call = (path: string, more = '') => `
  - name: tell
    type: http
    with:
      method: POST
      url: ${url}${path}
      body: { text: "{{ event.rule.name }} names {{ event.alerts[0].source.ip }}" }
${more}`
  const block = blocking('1h', { rule: 'Careless' })
  const careful = blocking('1h', { rule: 'Conditional' })
  const step = 'type: cloudflare.block'
  return {
    '1-told.yaml': blocking('1h', { rule: 'Told', between: call('/told') }),
    '2-told.yaml': blocking('1h', {
      rule: 'Told if possible',
      between: call('/missing', '    on-failure: { continue: true }'),
    }),
    '3-if.yaml': careful.replace(step, `${step}\n    if: event.alerts[0].kibana.alert.severity == "low"`),
    '4-careless.yaml': block.replace(
      step,
      `${step}\n    on-failure: { continue: true, retry: { max-attempts: 1, delay: 1s } }`,
    ),
    '5-watched.yaml': blocking('1h', { rule: 'Watched', mode: 'observe', between: call('/watched') }),
    '9-block.yaml': blocking('1h'),
  }
}

/** A server that remembers what it was told; `answers` are its next statuses, 200 otherwise, 404 for /missing. */
function listener() {
  const calls: { path: string; body: string }[] = []
  const answers: number[] = []
  const server: Server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    calls.push({ path: String(request.url), body: Buffer.concat(chunks).toString() })
    response.writeHead(request.url === '/missing' ? 404 : (answers.shift() ?? 200)).end('{}')
  })
  return {
    answers,
    heard: (path: string) => calls.filter((call) => call.path === path).map(({ body }) => body),
    async listen(): Promise<string> {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    },
    async close(): Promise<void> {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
