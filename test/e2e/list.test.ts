import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FAST } from '../support/service.ts'
import { listedIn, OUR_RULE, stageFor } from '../support/service-stage.ts'
import { withStores } from '../support/stores.ts'
import { until } from '../support/stores-jobs.ts'

withStores((kind, place) => {
  describe(`bans in an account's list (${kind})`, () => {
    const stage = stageFor(place, { env: { CLOUDFLARE_TARGET: 'list' }, seams: { rate: FAST } })
    const items = () => stage.world.cloudflare.account.contents('portcullis')
    const rule = () => stage.world.zone.rules().find(({ description }) => description === OUR_RULE)
    const hand = (edit: Parameters<typeof stage.world.cloudflare.account.handEdit>[1]) =>
      stage.world.cloudflare.account.handEdit('portcullis', edit)

    it('an alert is acknowledged when its address is in the list and the rule names the list', async () => {
      const id = await stage.send({ sourceIp: '203.0.113.10' })
      await stage.becomes(id, 'acknowledged', 'blocked')
      assert.match(items().get('203.0.113.10') ?? '', /^portcullis [0-9a-f]{12}: .+, until 20/)
      assert.match(String(rule()?.expression), /\(ip\.src in \$portcullis\)/)
    })

    it('keeps in the rule what people had put there', () => {
      assert.deepEqual(listedIn(stage.world.zone.rules()), ['198.51.100.7', '198.51.100.23', '203.0.113.99'])
    })

    it('explains what it would do, and does nothing', async () => {
      const alert = stage.world.alerts.add({ sourceIp: '203.0.113.40' })
      const before = stage.world.zone.version()
      const explained = await stage.order('POST', '/api/explain', { body: stage.world.webhook([alert]) })
      const { notes, edges } = explained as { notes: string[]; edges: { after: string | null; problem: string }[] }
      assert.match(notes.join(), /bans go into the list portcullis/)
      assert.deepEqual(
        edges.map(({ after, problem }) => [after, problem]),
        [[null, '']],
      )
      assert.equal(stage.world.zone.version(), before)
      assert.ok(!items().has('203.0.113.40'))
    })

    it('tells of a ban why it stands and where, and of what it did', async () => {
      const why = (await stage.order('GET', '/api/why?address=203.0.113.10')) as {
        edges: { edge: string; lists: string | null }[]
        history: { kind: string; edge?: string }[]
      }
      assert.deepEqual(why.edges.find(({ edge }) => edge === 'list:portcullis')?.lists, '203.0.113.10')
      assert.ok(why.history.some(({ kind, edge }) => kind === 'put-in' && edge === 'list:portcullis'))
    })

    it('releases what a person takes out of the list', async () => {
      hand({ remove: ['203.0.113.10'] })
      await stage.service.app.tick()
      const id = await stage.send({ sourceIp: '203.0.113.10' })
      await stage.becomes(id, 'open', 'released')
    })

    it('adopts what a person puts into the list', async () => {
      hand({ add: [{ value: '203.0.113.50', comment: 'seen in the logs' }] })
      await stage.service.app.tick()
      const { bans } = (await stage.order('GET', '/api/bans?origin=edge&limit=100')) as { bans: { address: string }[] }
      assert.ok(bans.some(({ address }) => address === '203.0.113.50'))
      assert.equal(items().get('203.0.113.50'), 'seen in the logs')
    })

    it('an order to lift a person’s entry takes it out', async () => {
      await stage.order('DELETE', '/api/bans/203.0.113.50')
      await until(() => !items().has('203.0.113.50'))
      await stage.service.app.tick()
      assert.ok(!items().has('203.0.113.50'))
    })
  })
})
