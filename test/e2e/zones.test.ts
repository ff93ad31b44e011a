import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { FAST } from '../support/service.ts'
import { blocking, listedIn, stageFor, startTwoZones } from '../support/service-stage.ts'
import { withStores } from '../support/stores.ts'
import { until } from '../support/stores-jobs.ts'

withStores((kind, place) => {
  describe(`two zones (${kind})`, () => {
    let zones: Awaited<ReturnType<typeof startTwoZones>> | null = null
    after(() => zones?.cloudflare.close())
    const stage = stageFor(place, {
      prepare: async () => {
        zones = await startTwoZones()
        return { env: zones.env, playbooks: { '1-one.yaml': only('one'), '2-both.yaml': blocking('1h') } }
      },
      seams: { rate: FAST },
    })
    const cloudflare = () => zones?.cloudflare ?? assert.fail()
    const held = (zone: number) => listedIn(cloudflare().zones[zone]?.rules() ?? [])

    it('both hold an address before its alert is acknowledged', async () => {
      const gate = cloudflare().faults.hold({ method: 'PUT', path: '/zones/2222' })
      const id = await stage.send({ sourceIp: '203.0.113.10' })
      await gate.arrived
      await until(() => held(0).includes('203.0.113.10'))
      assert.equal(stage.world.alerts.status(id), 'open')
      gate.open()
      await stage.becomes(id, 'acknowledged', 'blocked')
      assert.ok(held(1).includes('203.0.113.10'))
    })

    it('keep an alert open while one of them is down, although the other holds', async () => {
      cloudflare().faults.next({ path: '/zones/2222' }, { kind: 'answer', status: 502, body: '<html>' }, 3)
      const id = await stage.send({ sourceIp: '203.0.113.11' })
      await until(() => held(0).includes('203.0.113.11'))
      assert.equal(stage.world.alerts.status(id), 'open')
      await stage.becomes(id, 'acknowledged', 'blocked')
      assert.ok(held(1).includes('203.0.113.11'))
    })

    it('are blocked on apart where a playbook names one', async () => {
      const id = await stage.send({ sourceIp: '203.0.113.12', ruleName: 'Only one' })
      await stage.becomes(id, 'acknowledged', 'blocked')
      assert.ok(held(0).includes('203.0.113.12'))
      await stage.service.app.tick()
      assert.ok(!held(1).includes('203.0.113.12'))
      const both = await stage.send({ sourceIp: '203.0.113.12' })
      await stage.becomes(both, 'acknowledged', 'blocked')
      assert.ok(held(1).includes('203.0.113.12'))
    })

    it('let an address go together when a person takes it out of one', async () => {
      const [first] = cloudflare().zones
      cloudflare().handEdit(first ?? assert.fail(), (rules) =>
        rules.map((rule) => ({ ...rule, expression: String(rule.expression).replace(/ ?203\.0\.113\.10/, '') })),
      )
      await stage.service.app.tick()
      await until(() => !held(1).includes('203.0.113.10'))
      const id = await stage.send({ sourceIp: '203.0.113.10' })
      await stage.becomes(id, 'open', 'released')
    })
  })
})

function only(zone: string): string {
  return blocking('1h', { rule: 'Only one' }).replace('duration: 1h', `duration: 1h, zones: [${zone}]`)
}
