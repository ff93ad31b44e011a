import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FAST } from '../support/service.ts'
import { OUR_RULE, stageFor } from '../support/service-stage.ts'
import { withStores } from '../support/stores.ts'
import { until } from '../support/stores-jobs.ts'

const DAY_MS = 24 * 3600_000
const FRIEND = '203.0.113.200'

withStores((kind, place) => {
  describe(`what becomes of an alert (${kind})`, () => {
    const stage = stageFor(place, { env: { MAX_BANS_PER_HOUR: '5', ALLOWLIST: FRIEND }, seams: { rate: FAST } })

    it('is quota-spent beyond MAX_BANS_PER_HOUR: exactly so many are banned, however many come at once', async () => {
      const addresses = Array.from({ length: 10 }, (_, n) => `198.51.100.${100 + n}`)
      const ids = addresses.map((sourceIp) => stage.world.alerts.add({ sourceIp }))
      await Promise.all(ids.map((id) => stage.post([id])))
      await until(() => ids.every((id) => stage.world.alerts.tags(id).length > 0))
      const acknowledged = ids.filter((id) => stage.world.alerts.status(id) === 'acknowledged')
      assert.equal(acknowledged.length, 5)
      assert.equal(stage.held().filter((address) => addresses.includes(address)).length, 5)
      for (const id of ids.filter((each) => !acknowledged.includes(each)))
        await stage.becomes(id, 'open', 'quota-spent')
      await until(async () => (await stage.concluded('quota-spent')) === 5)
      const { body } = await stage.post(ids)
      assert.deepEqual([body.accepted, body.duplicates], [0, 10])
      assert.equal(await stage.concluded('quota-spent'), 5)
      await stage.restart({ MAX_BANS_PER_HOUR: '100000' })
    })

    it('is done once for a delivery that comes twice at once, later, and after its end', async () => {
      const id = stage.world.alerts.add({ sourceIp: '203.0.113.10' })
      const twice = await Promise.all([stage.post([id]), stage.post([id]), stage.post([id, id])])
      assert.equal(
        twice.map(({ body }) => Number(body.accepted)).reduce((a, b) => a + b),
        1,
      )
      await stage.becomes(id, 'acknowledged', 'blocked')
      await until(async () => (await stage.concluded('blocked')) === 1)
      const calls = stage.world.elasticsearch.count('POST')
      const { status, body } = await stage.post([id])
      assert.deepEqual([status, body.accepted, body.duplicates], [202, 0, 1])
      assert.equal(stage.world.elasticsearch.count('POST'), calls)
      assert.equal(await stage.concluded('blocked'), 1)
    })

    const old = new Date(Date.now() - 2 * DAY_MS).toISOString()
    const manual = { 'kibana.alert.rule.execution.type': 'manual', 'kibana.alert.original_time': null }
    const refusals = {
      private: { sourceIp: '10.1.2.3' },
      cloudflare: { sourceIp: '104.16.0.1' },
      allowlisted: { sourceIp: FRIEND },
      malformed: { sourceIp: 'not an address' },
      'no-address': { sourceIp: null },
      'too-broad': { sourceIp: '5.0.0.0/8' },
      'too-old': { sourceIp: '203.0.113.20', time: old },
    }
    for (const [refusal, alert] of Object.entries(refusals)) {
      it(`is ${refusal}, and the alert stays open and says so`, async () => {
        const id = await stage.send(alert)
        await stage.becomes(id, 'open', refusal)
        await until(async () => (await stage.concluded(refusal)) === 1)
        assert.deepEqual(stage.world.alerts.tags(id), [`portcullis:${refusal}`])
        assert.ok(!stage.held().includes(String(alert.sourceIp)))
      })
    }

    it('is too-old too when somebody ran the rule over the past and no event time is known', async () => {
      const id = await stage.send({ sourceIp: '203.0.113.21', fields: manual })
      await stage.becomes(id, 'open', 'too-old')
      const known = await stage.send({
        sourceIp: '203.0.113.22',
        fields: { 'kibana.alert.rule.execution.type': 'manual' },
      })
      await stage.becomes(known, 'acknowledged', 'blocked')
    })

    it('is partly where one suspect is held and another refused: the alert stays open', async () => {
      const id = await stage.send({ sourceIp: ['203.0.113.30', FRIEND] })
      await stage.becomes(id, 'open', 'partly')
      assert.ok(stage.held().includes('203.0.113.30'))
      assert.ok(!stage.held().includes(FRIEND))
    })

    it('is blocked where nobody can block the other suspect', async () => {
      const id = await stage.send({ sourceIp: ['203.0.113.31', '192.168.1.1', '104.16.0.1'] })
      await stage.becomes(id, 'acknowledged', 'blocked')
    })

    it('is released where a person took the address out of the rule', async () => {
      const first = await stage.send({ sourceIp: '203.0.113.40' })
      await stage.becomes(first, 'acknowledged')
      stage.world.cloudflare.handEdit(stage.world.zone, (rules) =>
        rules.map((rule) =>
          rule.description === OUR_RULE
            ? { ...rule, expression: String(rule.expression).replace(' 203.0.113.40', '') }
            : rule,
        ),
      )
      await stage.service.app.tick()
      const second = await stage.send({ sourceIp: '203.0.113.40' })
      await stage.becomes(second, 'open', 'released')
      assert.ok(!stage.held().includes('203.0.113.40'))
    })

    it('leaves an alert closed that an analyst closed meanwhile', async () => {
      const id = stage.world.alerts.add({ sourceIp: '203.0.113.50', status: 'closed' })
      await until(async () => (await stage.jobs('active')) === 0)
      const before = await stage.concluded('blocked')
      await stage.post([id])
      await until(async () => (await stage.concluded('blocked')) === before + 1)
      assert.equal(stage.world.alerts.status(id), 'closed')
      assert.deepEqual(stage.world.alerts.tags(id), [])
    })

    it('loses its ban where its address is allowlisted later', async () => {
      const id = await stage.send({ sourceIp: '203.0.113.60' })
      await stage.becomes(id, 'acknowledged')
      await stage.restart({ ALLOWLIST: `${FRIEND},203.0.113.60` })
      await until(() => !stage.held().includes('203.0.113.60'))
      const again = await stage.send({ sourceIp: '203.0.113.60' })
      await stage.becomes(again, 'open', 'allowlisted')
    })
  })
})
