import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { newBan, withReason } from '../../src/core/ban.ts'
import { createReopenDisplaced } from '../../src/pipeline/displaced.ts'
import { type PipelineWorld, pipelineWorld } from '../support/service-pipeline.ts'

const ADDRESS = '203.0.113.100'
// Room for one ban.
const env = { CLOUDFLARE_EXPRESSION_LIMIT: '64', ALLOW_DOCUMENTATION_RANGES: 'true' }
const OPERATORS = Array.from({ length: 4 }, (_, n) => `198.51.100.10${n}`)

describe('an alert whose held ban loses its place', () => {
  it('is open again and waits', async () => {
    const { world, id } = await blocked()
    await displace(world)
    assert.equal(world.siem.status.get(id), 'open')
    assert.equal(world.siem.tags.get(id), 'displaced')
    assert.equal((await world.queue.run(id)).kind, 'park')
    assert.equal((await world.record(id))?.outcome, null)
  })

  it('is taken up by a later tick when the process died between the outcome and the queue', async () => {
    const { world, id } = await blocked()
    const { rerun } = world.queue
    world.queue.rerun = () => Promise.reject(new Error('the process died'))
    await displace(world)
    world.queue.rerun = rerun
    assert.equal(world.queue.state(id), 'completed')
    await world.tick()
    assert.equal(world.queue.state(id), 'waiting')
  })

  it('is found even if its own conclusion came after the pass that took the place', async () => {
    const world = pipelineWorld({ env })
    const id = await world.deliver(ADDRESS)
    // Its place is lost while Elastic acknowledges it, after everything was checked.
    world.siem.before = async () => {
      world.siem.before = async () => {}
      await displace(world)
    }
    assert.deepEqual(await world.queue.run(id), { kind: 'done', outcome: 'blocked' })
    assert.equal(world.siem.status.get(id), 'acknowledged')
    await world.tick()
    assert.equal(world.siem.status.get(id), 'open')
    assert.equal(world.queue.state(id), 'waiting')
  })

  it('is not forgotten when two who reopen it meet', async () => {
    const { world, id } = await blocked()
    const { records, queue, clock, siem } = world
    const another = createReopenDisplaced({ records, queue, clock, siem, events: { concluded: () => {} } })
    let met = false
    world.beforeCommit = async (change) => {
      if (met || !change.put?.some(({ collection, doc }) => collection === 'outcomes' && isDisplaced(doc)))
        return undefined
      met = true
      await another()
      assert.equal((await world.queue.run(id)).kind, 'park')
      return undefined
    }
    await displace(world)
    assert.ok(met)
    assert.equal((await world.record(id))?.outcome, null)
    await world.queue.wake([id])
    assert.equal((await world.queue.run(id)).kind, 'park')
  })

  it('takes no alert of an earlier ban with it, which was held until its end', async () => {
    const { world, id } = await blocked()
    world.clock.advance(2 * 3600_000)
    await world.tick()
    const again = await world.deliver(ADDRESS)
    assert.deepEqual(await world.queue.run(again), { kind: 'done', outcome: 'blocked' })
    await displace(world)
    assert.equal(world.siem.status.get(again), 'open')
    assert.equal(world.siem.status.get(id), 'acknowledged')
    assert.equal((await world.record(id))?.outcome, 'blocked')
  })

  it('is open again also when it lost it while the rule was switched off', async () => {
    const { world, id } = await blocked()
    await switchRule(world, false)
    await displace(world)
    await switchRule(world, true)
    await world.tick()
    assert.ok(!JSON.stringify(world.edges[0]?.rules()).includes(ADDRESS))
    assert.deepEqual([world.siem.status.get(id), world.siem.tags.get(id)], ['open', 'displaced'])
    const ran = await world.queue.run(id)
    assert.deepEqual(ran.kind === 'park' && ran.reason, 'edge-full')
  })

  it('keeps it against newer alerts while the rule is switched off', async () => {
    const { world, id } = await blocked()
    await switchRule(world, false)
    world.clock.advance(60_000)
    for (const n of [1, 2, 3, 4]) await world.queue.run(await world.deliver(`203.0.113.20${n}`))
    await world.pipeline.settler.settle(null)
    await switchRule(world, true)
    assert.equal((await world.ban(ADDRESS))?.edges.shop?.held, true)
    assert.equal(world.siem.status.get(id), 'acknowledged')
  })

  it('is left alone once it is held again', async () => {
    const { world, id } = await blocked()
    await displace(world)
    await world.queue.run(id)
    await world.records.commit({ remove: OPERATORS.map((address) => ({ collection: 'bans', id: address })) })
    await world.pipeline.settler.settle(null)
    assert.deepEqual(await world.queue.run(id), { kind: 'done', outcome: 'blocked' })
    for (let tick = 0; tick < 3; tick++) {
      world.clock.advance(60_000)
      await world.tick()
    }
    assert.equal(world.siem.status.get(id), 'acknowledged')
    assert.equal((await world.record(id))?.outcome, 'blocked')
    assert.deepEqual(
      (await world.records.all('settings')).filter((s) => s.id.startsWith('displaced:')),
      [],
    )
  })
})

async function blocked(): Promise<{ world: PipelineWorld; id: string }> {
  const world = pipelineWorld({ env })
  const id = await world.deliver(ADDRESS)
  assert.deepEqual(await world.queue.run(id), { kind: 'done', outcome: 'blocked' })
  return { world, id }
}

/** Operators' bans take all the room. */
async function displace(world: PipelineWorld): Promise<void> {
  const now = world.clock.now()
  const at = now.toISOString()
  await world.records.commit({
    put: OPERATORS.map((address) => ({
      collection: 'bans',
      id: address,
      doc: withReason(newBan(address, now), {
        origin: 'operator',
        id: 'alice',
        note: '',
        at,
        durationMs: null,
        until: null,
        edges: null,
      }),
    })),
  })
  await world.pipeline.settler.settle(null)
  await world.background()
}

async function switchRule(world: PipelineWorld, enabled: boolean): Promise<void> {
  world.edges[0]?.edit((rules) => rules.map((rule) => ({ ...rule, enabled })))
  await world.pipeline.settler.settle(null)
}

function isDisplaced(doc: unknown): boolean {
  return (doc as { outcome?: unknown }).outcome === 'displaced'
}
