import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FAST } from '../support/service.ts'
import { blocking, stageFor } from '../support/service-stage.ts'
import { withStores } from '../support/stores.ts'
import { until } from '../support/stores-jobs.ts'

withStores((kind, place) => {
  describe(`observing (${kind})`, () => {
    const stage = stageFor(place, {
      env: { MODE: 'observe' },
      playbooks: {
        '1-watch.yaml': blocking('1h', { rule: 'Watched', mode: 'observe' }),
        '2-block.yaml': blocking('1h'),
      },
      seams: { rate: FAST },
    })
    let observed = ''
    let watched = ''

    it('decides, and touches neither the rules nor the alerts', async () => {
      const before = stage.world.zone.version()
      observed = await stage.send({ sourceIp: '203.0.113.7' })
      watched = await stage.send({ sourceIp: '203.0.113.8', ruleName: 'Watched' })
      const refused = await stage.send({ sourceIp: '10.0.0.1' })
      await until(async () => (await stage.concluded('observing')) === 2 && (await stage.concluded('private')) === 1)
      await stage.service.app.tick()
      assert.equal(stage.world.zone.version(), before)
      assert.deepEqual(stage.world.alerts.changes, [])
      for (const id of [observed, watched, refused]) assert.deepEqual(stage.world.alerts.tags(id), [])
    })

    it('ends with MODE=enforce: what was seen is taken up, once, but for playbooks that go on observing', async () => {
      await stage.restart({ MODE: 'enforce' })
      await stage.becomes(observed, 'acknowledged', 'blocked')
      assert.ok(stage.held().includes('203.0.113.7'))
      await until(async () => (await stage.concluded('blocked')) === 1)
      await stage.restart()
      const marker = await stage.send({ sourceIp: '203.0.113.9' })
      await stage.becomes(marker, 'acknowledged', 'blocked')
      assert.equal(await stage.concluded('observing'), 0)
      await until(async () => (await stage.concluded('blocked')) === 1)
      assert.equal(stage.world.alerts.status(watched), 'open')
      assert.ok(!stage.held().includes('203.0.113.8'))
    })
  })
})
