import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FAST } from '../support/service.ts'
import { stageFor } from '../support/service-stage.ts'
import { withStores } from '../support/stores.ts'
import { until } from '../support/stores-jobs.ts'

withStores((kind, place) => {
  describe(`bad input (${kind})`, () => {
    const stage = stageFor(place, { env: { BODY_LIMIT: '1mb' }, seams: { rate: FAST } })

    it('that is not JSON is answered with 400 and the place', async () => {
      const { status, body } = await stage.service.post('{"alerts": [}')
      assert.equal(status, 400)
      assert.match(String(body.message), /position 12|column|line|character/)
    })

    it('without the secret, or with a wrong one, is answered with 401 before it is read', async () => {
      for (const authorization of ['', 'Bearer wrong', `Basic ${btoa('elastic:wrong')}`])
        assert.equal((await stage.service.post('{not even JSON', { authorization })).status, 401)
    })

    it('that is too big is answered with 413', async () => {
      assert.equal((await stage.service.post(`{"alerts":"${'x'.repeat(1_100_000)}"}`)).status, 413)
    })

    it('without a valid alert is answered with 422 and every reason', async () => {
      const { status, body } = await stage.service.post(JSON.stringify({ alerts: [{}, { source: 7 }] }))
      assert.equal(status, 422)
      assert.match(JSON.stringify(body), /0.*1/)
    })

    it('beside good input is listed, and the good is taken', async () => {
      const id = stage.world.alerts.add({ sourceIp: '203.0.113.9' })
      const alerts = [...JSON.parse(stage.world.webhook([id], 'array')), { nonsense: true }]
      const { status, body } = await stage.service.post(JSON.stringify(alerts))
      assert.deepEqual([status, body.accepted], [202, 1])
      assert.equal((body.invalid as unknown[]).length, 1)
      await stage.becomes(id, 'acknowledged')
    })

    const hostile: readonly (readonly [string, unknown, string])[] = [
      ['an expression', '1.2.3.4) or (true', 'malformed'],
      ['a mapped private address', '::ffff:10.0.0.1', 'private'],
      ['an address with a zone', 'fe80::1%eth0', 'malformed|private'],
      ['everybody', '0.0.0.0/0', 'private|too-broad'],
      ['a string of 10 kB', '1'.repeat(10_000), 'malformed'],
      ['a line break', '203.0.113.66\n) or (http.host ne "', 'malformed'],
      ['a quote', '203.0.113.66"', 'malformed'],
      ['an octal', '0203.0.0113.066', 'malformed'],
    ]
    for (const [what, sourceIp, refusals] of hostile) {
      it(`with ${what} as address never reaches an expression`, async () => {
        const before = stage.world.zone.version()
        const id = await stage.send({ sourceIp })
        await stage.becomes(id, 'open')
        await assertTagged(id, refusals)
        await stage.service.app.tick()
        assert.equal(stage.world.zone.version(), before)
      })
    }

    it('with an object as address is refused or left out, and reaches nothing', async () => {
      const before = stage.world.zone.version()
      const id = stage.world.alerts.add({ sourceIp: { toString: '203.0.113.66', ip: '203.0.113.67' } })
      const { status } = await stage.post([id])
      assert.ok(status === 202 || status === 422, String(status))
      if (status === 202) await assertTagged(id, 'malformed|no-address')
      await stage.service.app.tick()
      assert.equal(stage.world.zone.version(), before)
    })

    it('leaves every expression one that only lists addresses', () => {
      for (const { rules } of stage.world.zone.history().slice(1)) {
        const own = rules.find((rule) => rule.description === 'webserver scanning block')
        assert.match(String(own?.expression), /^\(ip\.src in \{[0-9a-f.:/ ]+\}\)$/)
      }
    })

    async function assertTagged(id: string, refusals: string): Promise<void> {
      await stage.becomes(id, 'open')
      const words = refusals.split('|')
      const isTagged = () => words.some((word) => stage.world.alerts.tags(id).includes(`portcullis:${word}`))
      await until(isTagged).catch(() => assert.fail(`${stage.world.alerts.tags(id)} is none of ${refusals}`))
    }
  })
})
