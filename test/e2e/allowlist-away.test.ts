import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startWorld } from '../../src/simulator/world.ts'
import { OPS_TOKEN, type Service, startService } from '../support/service.ts'
import { withStores } from '../support/stores.ts'
import { until } from '../support/stores-jobs.ts'

withStores(
  (kind, place) => {
    describe(`a name of the allowlist that cannot be looked up (${kind})`, () => {
      it('bans nobody and is named in degraded until it is, and then as if it had been from the start', async (t) => {
        const world = await startWorld()
        t.after(() => world.close())
        const away = () =>
          world.cloudflare.faults.next({ path: '/cdn-cgi/trace' }, { kind: 'answer', status: 500, body: 'no' }, 1000)
        away()
        let service = await startService(world, place.config(), { ALLOWLIST: 'self' })
        t.after(() => service.stop())
        assert.deepEqual(await degraded(service), ['allowlist'])
        assert.equal(await counted(service), 1)
        const id = world.alerts.add({ sourceIp: '203.0.113.77' })
        assert.equal((await service.post(world.webhook([id]))).status, 202)
        await until(async () => /portcullis_queue_jobs\{state="delayed"\} 1/.test(await service.metrics.text()))
        await service.app.tick()
        assert.deepEqual([await degraded(service), world.zone.putTimes.length], [['allowlist'], 0])

        world.cloudflare.faults.clear()
        await until(async () => {
          await service.app.tick()
          return (await degraded(service)).length === 0
        })
        assert.equal(await counted(service), 0)
        await until(() => world.alerts.status(id) === 'acknowledged')

        await service.stop()
        away()
        service = await startService(world, place.config(), { ALLOWLIST: 'self' })
        assert.deepEqual(await degraded(service), [], 'the addresses of the last run hold')
        const next = world.alerts.add({ sourceIp: '203.0.113.78' })
        await service.post(world.webhook([next]))
        await until(() => world.alerts.status(next) === 'acknowledged')
      })
    })
  },
  ['embedded'],
)

async function degraded({ app }: Service): Promise<string[]> {
  const answer = await fetch(`${app.opsUrl}/readyz`, { headers: { authorization: `Bearer ${OPS_TOKEN}` } })
  const { degraded } = (await answer.json()) as { degraded: { part: string }[] }
  return degraded.map(({ part }) => part)
}

async function counted({ metrics }: Service): Promise<number> {
  return Number(/portcullis_degraded\{part="allowlist"\} (\d+)/.exec(await metrics.text())?.[1])
}
