import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { RefusedError, StoreError } from '../../src/errors.ts'
import { LeaseLostError } from '../../src/pipeline/lease.ts'
import type { Edge } from '../../src/ports.ts'
import { type PipelineWorld, pipelineWorld } from '../support/service-pipeline.ts'

const env = { ALLOW_DOCUMENTATION_RANGES: 'true' }
const MINUTE_MS = 60_000

describe('an outage of Cloudflare', () => {
  it('stands in degraded once it has lasted for a minute, by its edge and with the reason, until a pass succeeds', async () => {
    const { world, fail } = twoZones()
    fail(() => new Error('Cloudflare answered 503'))
    await world.tick()
    assert.deepEqual(degraded(world), [])
    for (let minutes = 0; minutes < 2; minutes++) {
      world.clock.advance(MINUTE_MS)
      await world.tick()
      assert.deepEqual(degraded(world), ['edge:shop: failing: Cloudflare answered 503'])
    }
    fail(null)
    await world.tick()
    assert.deepEqual(degraded(world), [])
  })

  it('is none while passes succeed in between, however often others fail', async () => {
    const { world, fail } = twoZones()
    for (let turn = 0; turn < 5; turn++) {
      fail(() => new Error('Cloudflare answered 502'))
      await world.tick()
      world.clock.advance(40_000)
      await world.tick()
      fail(null)
      await world.tick()
      world.clock.advance(40_000)
    }
    assert.deepEqual(degraded(world), [])
  })

  it('gives way to a refusal, and counts from then on anew', async () => {
    const { world, fail } = twoZones()
    fail(() => new Error('Cloudflare answered 503'))
    await world.tick()
    world.clock.advance(MINUTE_MS)
    await world.tick()
    fail(() => new RefusedError('cloudflare', 'Cloudflare refused our token (403)'))
    await world.tick()
    assert.deepEqual(degraded(world), ['cloudflare: Cloudflare refused our token (403)'])
    fail(() => new Error('Cloudflare answered 503'))
    await world.tick()
    assert.deepEqual(degraded(world), ['cloudflare: Cloudflare refused our token (403)'])
    fail(null)
    await world.tick()
    assert.deepEqual(degraded(world), [])
  })

  it('is not what another instance that took over, or the store, is blamed for', async () => {
    for (const reason of [() => new LeaseLostError('another instance took over'), storeAway]) {
      const { world, fail } = twoZones()
      for (let minutes = 0; minutes < 4; minutes++) {
        fail(reason)
        await world.tick()
        world.clock.advance(MINUTE_MS)
      }
      assert.deepEqual(degraded(world), [])
    }
  })
})

describe('an outage of Elastic', () => {
  const away = () => Promise.reject(new Error('Elasticsearch answered 503'))
  const ADDRESS = '203.0.113.7'

  it('stands in degraded once it has lasted for a minute, until a status is set', async () => {
    const world = pipelineWorld({ env })
    const id = await world.deliver(ADDRESS)
    world.siem.before = away
    await world.queue.run(id)
    assert.deepEqual(degraded(world), [])
    world.clock.advance(MINUTE_MS)
    await world.queue.run(id)
    assert.deepEqual(degraded(world), ['elastic: Elasticsearch answered 503'])
    // It may answer questions and yet take no writes.
    await world.tick()
    assert.deepEqual(degraded(world), ['elastic: Elasticsearch answered 503'])
    world.siem.before = async () => {}
    assert.deepEqual(await world.queue.run(id), { kind: 'done', outcome: 'blocked' })
    assert.deepEqual(degraded(world), [])
  })

  it('is over when it answers and nothing has failed for minutes, also where nothing is left to do', async () => {
    const world = pipelineWorld({ env: { ...env, GIVE_UP_AFTER: '2m' } })
    const id = await world.deliver(ADDRESS)
    world.siem.before = away
    for (let minutes = 0; minutes < 4; minutes++) {
      await world.queue.run(id)
      world.clock.advance(MINUTE_MS)
    }
    assert.equal((await world.record(id))?.outcome, 'gave-up')
    await world.tick()
    assert.deepEqual(degraded(world), ['elastic: Elasticsearch answered 503'])
    world.clock.advance(2 * MINUTE_MS)
    await world.tick()
    assert.deepEqual(degraded(world), [])
  })

  it('is none while other alerts are acknowledged', async () => {
    const world = pipelineWorld({ env })
    const id = await world.deliver(ADDRESS)
    for (let minutes = 0; minutes < 5; minutes++) {
      world.siem.before = away
      await world.queue.run(id)
      world.siem.before = async () => {}
      await world.queue.run(await world.deliver(`203.0.113.${100 + minutes}`))
      world.clock.advance(MINUTE_MS)
    }
    assert.deepEqual(degraded(world), [])
  })
})

const degraded = (world: PipelineWorld) =>
  world.pipeline.health.degraded().map(({ part, reason }) => `${part}: ${reason}`)

const storeAway = () => new StoreError('The store cannot be reached')

/** Of two zones the first fails as told; null: it works. */
function twoZones() {
  const world = pipelineWorld({ env, zones: ['shop', 'blog'] })
  const port = world.edges[0]?.port as Edge
  let reason: (() => Error) | null = null
  const { read } = port
  Object.assign(port, { read: () => (reason === null ? read() : Promise.reject(reason())) })
  return {
    world,
    fail: (error: (() => Error) | null) => {
      reason = error
    },
  }
}
