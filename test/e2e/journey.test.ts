import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseExpression } from '../../src/core/expression/parse.ts'
import { HELD_AT_FIRST, type World } from '../../src/simulator/world.ts'
import { startAll } from '../support/service.ts'
import { withStores } from '../support/stores.ts'
import { until } from '../support/stores-jobs.ts'

withStores((kind, place) => {
  describe(`the journey of an alert (${kind})`, () => {
    it('puts the source into the rule and then acknowledges the alert', async (t) => {
      const { world, service } = await startAll(t, place)
      const id = world.alerts.add({ sourceIp: '203.0.113.7' })
      const answer = await service.post(world.webhook([id]))
      assert.equal(answer.status, 202)
      assert.equal(answer.body.accepted, 1)
      await until(() => world.alerts.status(id) === 'acknowledged', 60_000)
      assert.deepEqual(held(world), [...HELD_AT_FIRST, '203.0.113.7'])
      assert.deepEqual(world.alerts.tags(id), ['portcullis:blocked'])
    })
  })
})

function held(world: World): string[] {
  const rule = world.zone.rules().find((r) => r.description === 'webserver scanning block')
  return parseExpression(String(rule?.expression)).terms.map((term) => term.text)
}
