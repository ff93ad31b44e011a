import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FAST } from '../support/service.ts'
import { stageFor } from '../support/service-stage.ts'
import { withStores } from '../support/stores.ts'
import { until } from '../support/stores-jobs.ts'

withStores((kind, place) => {
  describe(`a list in trouble (${kind})`, () => {
    const stage = stageFor(place, {
      env: { CLOUDFLARE_TARGET: 'list', CLOUDFLARE_LIST: 'blocked' },
      seams: { rate: FAST },
    })
    const cloudflare = () => stage.world.cloudflare

    it('without the permission: alerts stay open, and it says which one is missing', async (t) => {
      const { tokens, token } = cloudflare()
      const all = tokens.get(token) ?? []
      t.after(() => void tokens.set(token, all))
      tokens.set(
        token,
        all.filter((permission) => !permission.startsWith('lists')),
      )
      const id = await stage.send({ sourceIp: '203.0.113.20' })
      await until(async () => (await stage.degraded()).includes('cloudflare'))
      const { degraded } = await stage.order('GET', '/readyz')
      assert.match(JSON.stringify(degraded), /Account Filter Lists Edit/)
      await stage.service.app.tick()
      assert.ok((await stage.degraded()).includes('cloudflare'))
      assert.equal(stage.world.alerts.status(id), 'open')
      tokens.set(token, all)
      await stage.service.app.tick()
      await stage.becomes(id, 'acknowledged', 'blocked')
    })

    it('full: alerts stay open as edge-full, and go on when there is room', async (t) => {
      const { account } = cloudflare()
      account.itemQuota = 2
      t.after(() => {
        account.itemQuota = 10_000
      })
      const id = await stage.send({ sourceIp: '203.0.113.21' })
      await stage.becomes(id, 'open', 'edge-full')
      await stage.order('DELETE', '/api/bans/203.0.113.20')
      await stage.becomes(id, 'acknowledged', 'blocked')
    })

    it('deleted: contested, new alerts wait, and `resume` makes it anew', async () => {
      const { account } = cloudflare()
      account.deleteList('blocked', { force: true })
      await stage.service.app.tick()
      assert.deepEqual(await stage.degraded(), ['edge:list:blocked'])
      const id = await stage.send({ sourceIp: '203.0.113.22' })
      await stage.becomes(id, 'open', 'edge-contested')
      assert.equal(account.list('blocked'), null)
      await stage.order('POST', '/api/resume', {})
      await stage.becomes(id, 'acknowledged', 'blocked')
      assert.ok(account.contents('blocked').has('203.0.113.21'))
    })

    it('of another kind: named, and nothing is written', async () => {
      const { account } = cloudflare()
      account.deleteList('blocked', { force: true })
      account.createList({ name: 'blocked', kind: 'hostname' })
      await stage.service.app.tick()
      const { edges } = (await stage.order('GET', '/api/status')) as { edges: { name: string; state: string }[] }
      assert.equal(edges.find(({ name }) => name === 'list:blocked')?.state, 'edge-list-kind')
    })
  })
})
