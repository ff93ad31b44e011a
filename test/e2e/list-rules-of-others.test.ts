import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FAST } from '../support/service.ts'
import { stageFor } from '../support/service-stage.ts'
import { withStores } from '../support/stores.ts'
import { until } from '../support/stores-jobs.ts'

withStores((kind, place) => {
  describe(`a list that rules of others name (${kind})`, () => {
    const stage = stageFor(place, {
      env: { CLOUDFLARE_TARGET: 'list', CLOUDFLARE_MANAGE_RULE: 'off' },
      seams: { rate: FAST },
    })

    it('alerts wait until a rule in force names the list; no rule is ever written', async () => {
      const { cloudflare, zone } = stage.world
      const id = await stage.send({ sourceIp: '203.0.113.10' })
      await stage.becomes(id, 'open', 'edge-unreferenced')
      assert.ok(cloudflare.account.contents('portcullis').has('203.0.113.10'))
      assert.ok((await stage.degraded()).includes('edge:shop'))
      const version = zone.version()
      const theirs = { description: 'blocked by us', action: 'block', expression: '(ip.src in $portcullis)' }
      cloudflare.handEdit(zone, (rules) => [...rules, { ...theirs, enabled: true }])
      await stage.service.app.tick()
      await stage.becomes(id, 'acknowledged', 'blocked')
      assert.equal(zone.version(), version + 1)
    })

    it('a token that may only edit lists is enough', async () => {
      const { tokens, token } = stage.world.cloudflare
      tokens.set(token, ['lists-read', 'lists-write'])
      const id = await stage.send({ sourceIp: '203.0.113.11' })
      await stage.becomes(id, 'acknowledged', 'blocked')
      const { edges } = (await stage.order('GET', '/api/status')) as { edges: { name: string; detail: string }[] }
      assert.match(edges.find(({ name }) => name === 'shop')?.detail ?? '', /may not read the rules/)
      await until(async () => (await stage.degraded()).length === 0)
    })
  })
})
