import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { systemClock } from '../../src/adapters/clock.ts'
import { FAST } from '../support/service.ts'
import { blocking, OUR_RULE, stageFor } from '../support/service-stage.ts'
import { withStores } from '../support/stores.ts'
import { until } from '../support/stores-jobs.ts'

withStores((kind, place) => {
  describe(`trouble outside (${kind})`, () => {
    let ahead = 0
    const clock = { now: () => new Date(Date.now() + ahead), sleep: systemClock.sleep }
    const stage = stageFor(place, {
      env: { GIVE_UP_AFTER: '1h' },
      playbooks: { 'block.yaml': blocking('forever') },
      seams: { clock, rate: FAST },
    })
    const switchRule = (enabled: boolean) =>
      stage.world.cloudflare.handEdit(stage.world.zone, (rules) =>
        rules.map((rule) => (rule.description === OUR_RULE ? { ...rule, enabled } : rule)),
      )

    async function whileRuleIsOff(work: () => Promise<void>): Promise<void> {
      switchRule(false)
      try {
        await work()
      } finally {
        switchRule(true)
      }
    }

    /** Elastic is back after it, whatever became of the work. */
    async function whileElasticIsAway(work: () => Promise<void>): Promise<void> {
      const { elasticsearch } = stage.world
      await elasticsearch.down()
      try {
        await work()
      } finally {
        await elasticsearch.up()
      }
    }

    for (const [trouble, fault] of Object.entries({
      'a 429 with Retry-After': { kind: 'rate-limit', retryAfter: 1 },
      'an HTML page with 502': { kind: 'answer', status: 502, body: '<html><body>Bad gateway</body></html>' },
      'an HTML page with 200': { kind: 'body', body: '<html><body>Checking your browser</body></html>' },
      'a broken connection': { kind: 'reset' },
    } as const)) {
      it(`at Cloudflare, ${trouble}, is outlasted`, async () => {
        stage.world.cloudflare.faults.next({ method: 'GET' }, fault)
        const address = `203.0.113.${10 + trouble.length}`
        const id = await stage.send({ sourceIp: address })
        await stage.becomes(id, 'acknowledged', 'blocked')
        assert.ok(stage.held().includes(address))
      })
    }

    it('at Cloudflare, a PUT whose answer is lost, is not taken for a stranger’s hand', async () => {
      stage.world.cloudflare.faults.next({ method: 'PUT' }, { kind: 'lost' })
      const id = await stage.send({ sourceIp: '203.0.113.50' })
      await stage.becomes(id, 'acknowledged', 'blocked')
      const { bans } = (await stage.order('GET', '/api/bans?limit=1000')) as { bans: { address: string }[] }
      const ban = bans.find(({ address }) => address === '203.0.113.50')
      assert.match(JSON.stringify(ban), /"alert"/)
      assert.doesNotMatch(JSON.stringify(ban), /"origin":"edge"/)
    })

    it('with the token parks, is named, and ends by itself once the token is good', async (t) => {
      const { tokens, token } = stage.world.cloudflare
      const permissions = tokens.get(token) ?? []
      tokens.delete(token)
      t.after(() => void tokens.set(token, permissions))
      const id = await stage.send({ sourceIp: '203.0.113.51' })
      await until(async () => (await stage.degraded()).includes('cloudflare'))
      assert.equal(stage.world.alerts.status(id), 'open')
      tokens.set(token, permissions)
      await stage.service.app.tick()
      await stage.becomes(id, 'acknowledged', 'blocked')
      assert.deepEqual(await stage.degraded(), [])
    })

    it('with the rule switched off parks the alert, which says so until somebody switches it on', async () => {
      let id = ''
      await whileRuleIsOff(async () => {
        id = await stage.send({ sourceIp: '203.0.113.52' })
        await stage.becomes(id, 'open', 'edge-disabled')
        assert.deepEqual(await stage.degraded(), ['edge:shop'])
      })
      await stage.service.app.tick()
      await stage.becomes(id, 'acknowledged', 'blocked')
    })

    it('ends for a waiting alert whose address a person takes out: released', async () => {
      await whileRuleIsOff(async () => {
        const id = await stage.send({ sourceIp: '203.0.113.53' })
        await stage.becomes(id, 'open', 'edge-disabled')
        stage.world.cloudflare.handEdit(stage.world.zone, (rules) =>
          rules.map((rule) =>
            rule.description === OUR_RULE
              ? { ...rule, expression: String(rule.expression).replace(' 203.0.113.53', '') }
              : rule,
          ),
        )
        await stage.service.app.tick()
        await stage.becomes(id, 'open', 'released')
      })
      await stage.service.app.tick()
      assert.ok(!stage.held().includes('203.0.113.53'))
    })

    it('at Elastic leaves the ban in place and the alert open, until it is back', async () => {
      let id = ''
      await whileElasticIsAway(async () => {
        id = await stage.send({ sourceIp: '203.0.113.54' })
        await until(() => stage.held().includes('203.0.113.54'))
        assert.equal(stage.world.alerts.status(id), 'open')
      })
      await stage.becomes(id, 'acknowledged', 'blocked')
    })

    it('at Elastic acknowledges nothing that is no longer held by the time it is back', async (t) => {
      let id = ''
      await whileElasticIsAway(async () => {
        id = await stage.send({ sourceIp: '203.0.113.55' })
        await until(() => stage.held().includes('203.0.113.55'))
        switchRule(false)
        t.after(() => switchRule(true))
        await stage.service.app.tick()
        // Whoever looked at the ledger before has tried by now, and in vain.
        await until(async () => (await stage.jobs('active')) === 0)
      })
      // Its tag says so only where the alert began to wait once Elastic was back.
      await until(async () => {
        const { alerts } = (await stage.order('GET', '/api/why?address=203.0.113.55')) as { alerts: object[] }
        return (alerts as { waiting: string | null }[]).some(({ waiting }) => waiting === 'edge-disabled')
      })
      assert.equal(stage.world.alerts.status(id), 'open')
      switchRule(true)
      await stage.service.app.tick()
      await stage.becomes(id, 'acknowledged', 'blocked')
    })

    it('with Elastic’s key parks, is named, and ends by itself once the key is good', async (t) => {
      const { apiKeys, apiKey } = stage.world.elasticsearch
      const privileges = apiKeys.get(apiKey) ?? []
      apiKeys.delete(apiKey)
      t.after(() => void apiKeys.set(apiKey, privileges))
      const id = await stage.send({ sourceIp: '203.0.113.56' })
      await until(async () => (await stage.degraded()).includes('elastic'))
      apiKeys.set(apiKey, privileges)
      await stage.service.app.tick()
      await stage.becomes(id, 'acknowledged', 'blocked')
      assert.deepEqual(await stage.degraded(), [])
    })

    it('with an alert that Elastic does not know ends after five minutes, and is named', async () => {
      const id = stage.world.alerts.add({ sourceIp: '203.0.113.57' })
      await stage.service.post(stage.world.webhook([id]).replaceAll(id, `${id.slice(0, -4)}none`))
      await until(() => stage.held().includes('203.0.113.57'))
      ahead += 5 * 60_000 + 1000
      await until(async () => (await stage.concluded('unknown-alert')) === 1)
      await until(async () => (await stage.degraded()).length > 0)
      assert.deepEqual(await stage.degraded(), ['unknown-alert'])
    })

    it('that outlasts GIVE_UP_AFTER is given up, and a new delivery takes it up again', async () => {
      let id = ''
      await whileElasticIsAway(async () => {
        id = await stage.send({ sourceIp: '203.0.113.58' })
        await until(() => stage.held().includes('203.0.113.58'))
        ahead += 2 * 3600_000
        await until(async () => (await stage.concluded('gave-up')) === 1)
        await until(async () => (await stage.jobs('failed')) === 1)
      })
      await stage.post([id])
      await stage.becomes(id, 'acknowledged', 'blocked')
    })

    it('that outlasted GIVE_UP_AFTER is over where an operator replays what failed', async () => {
      let id = ''
      await whileElasticIsAway(async () => {
        id = await stage.send({ sourceIp: '203.0.113.59' })
        await until(() => stage.held().includes('203.0.113.59'))
        ahead += 2 * 3600_000
        await until(async () => (await stage.concluded('gave-up')) === 2)
      })
      await until(async () => (await stage.order('PUT', '/queues/api/queues/alerts/retry/failed')).retried === 1)
      await stage.becomes(id, 'acknowledged', 'blocked')
    })
  })
})
