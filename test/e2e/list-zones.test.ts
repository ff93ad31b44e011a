import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { FAST } from '../support/service.ts'
import { blocking, listedIn, stageFor, startTwoZones } from '../support/service-stage.ts'
import { withStores } from '../support/stores.ts'
import { until } from '../support/stores-jobs.ts'

withStores((kind, place) => {
  describe(`two zones and one list (${kind})`, () => {
    let zones: Awaited<ReturnType<typeof startTwoZones>> | null = null
    after(() => zones?.cloudflare.close())
    const stage = stageFor(place, {
      prepare: async () => {
        zones = await startTwoZones()
        const { account } = zones.cloudflare
        const env = { ...zones.env, CLOUDFLARE_TARGET: 'list', CLOUDFLARE_ACCOUNT_ID: account.id }
        return { env, playbooks: { '1-one.yaml': only('one'), '2-both.yaml': blocking('1h') } }
      },
      seams: { rate: FAST },
    })
    const cloudflare = () => zones?.cloudflare ?? assert.fail()
    const rulesOf = (zone: number) => JSON.stringify(cloudflare().zones[zone]?.rules() ?? [])

    it('an alert waits for the list and for both zones; the list comes first', async () => {
      const gate = cloudflare().faults.hold({ method: 'PUT', path: '/zones/2222' })
      const id = await stage.send({ sourceIp: '203.0.113.10' })
      await gate.arrived
      assert.ok(cloudflare().account.contents('portcullis').has('203.0.113.10'))
      assert.equal(stage.world.alerts.status(id), 'open')
      gate.open()
      await stage.becomes(id, 'acknowledged', 'blocked')
      for (const zone of [0, 1]) assert.match(rulesOf(zone), /ip\.src in \$portcullis/)
      assert.equal(cloudflare().count('PUT'), 2)
    })

    it('a playbook that names one zone waits for the list and that zone alone', async () => {
      cloudflare().handEdit(cloudflare().zones[1] ?? assert.fail(), (rules) =>
        rules.map((rule) => ({ ...rule, enabled: false })),
      )
      const both = await stage.send({ sourceIp: '203.0.113.11' })
      await stage.becomes(both, 'open', 'edge-disabled')
      const one = await stage.send({ sourceIp: '203.0.113.12', ruleName: 'Only one' })
      await stage.becomes(one, 'acknowledged', 'blocked')
      const bans = (await stage.order('GET', '/api/bans?edge=list:portcullis&limit=100')) as { bans: unknown[] }
      assert.equal(bans.bans.length, 3)
    })

    it('an entry in one zone’s rule stays there, out of the list', async () => {
      cloudflare().handEdit(cloudflare().zones[0] ?? assert.fail(), (rules) =>
        rules.map((rule) => ({ ...rule, expression: `${rule.expression} or (ip.src eq 203.0.113.77)` })),
      )
      await stage.service.app.tick()
      await until(async () =>
        JSON.stringify(await stage.order('GET', '/api/bans?origin=edge')).includes('203.0.113.77'),
      )
      assert.deepEqual(listedIn(cloudflare().zones[0]?.rules() ?? []), ['203.0.113.77'])
      assert.ok(!cloudflare().account.contents('portcullis').has('203.0.113.77'))
    })
  })
})

function only(zone: string): string {
  return blocking('1h', { rule: 'Only one' }).replace('duration: 1h', `duration: 1h, zones: [${zone}]`)
}
