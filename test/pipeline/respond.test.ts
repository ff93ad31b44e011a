import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { RefusedError } from '../../src/errors.ts'
import { replay } from '../../src/pipeline/reopen.ts'
import { pipelineWorld } from '../support/service-pipeline.ts'
import { blocking } from '../support/service-stage.ts'

const ADDRESS = '203.0.113.7'
const env = { ALLOW_DOCUMENTATION_RANGES: 'true' }

describe('a job', () => {
  it('does nothing twice when the process died between its outcome and its completion', async () => {
    const world = pipelineWorld({ env })
    const id = await world.deliver(ADDRESS)
    await world.queue.run(id)
    let calls = 0
    world.siem.before = async () => void calls++
    assert.deepEqual(await world.queue.run(id), { kind: 'done', outcome: 'blocked' })
    assert.equal(calls, 0)
  })

  it('is not acknowledged for a ban that was let out while Elastic was away, and concludes as released', async () => {
    const world = pipelineWorld({ env })
    const id = await world.deliver(ADDRESS)
    world.siem.before = () => Promise.reject(new Error('Elastic is away'))
    assert.equal((await world.queue.run(id)).kind, 'thrown')
    world.siem.before = async () => {}
    const now = world.clock.now()
    const until = new Date(now.getTime() + 3600_000).toISOString()
    await world.records.commit({
      put: [{ collection: 'released', id: ADDRESS, doc: { address: ADDRESS, at: now.toISOString(), until } }],
      remove: [{ collection: 'bans', id: ADDRESS }],
    })
    world.clock.advance(1000)
    const first = await world.queue.run(id)
    const ran = first.kind === 'park' ? await world.queue.run(id) : first
    assert.deepEqual(ran, { kind: 'done', outcome: 'released' })
    assert.equal(world.siem.status.get(id), 'open')
    assert.equal(world.siem.tags.get(id), 'released')
  })

  it('waits, and is not acknowledged, when the rule was switched off after its block step', async () => {
    const world = pipelineWorld({ env })
    const id = await world.deliver(ADDRESS)
    world.siem.before = () => Promise.reject(new Error('Elastic is away'))
    await world.queue.run(id)
    world.siem.before = async () => {}
    const [edge] = world.edges
    edge?.edit((rules) => rules.map((rule) => ({ ...rule, enabled: false })))
    await world.pipeline.settler.settle(null)
    assert.deepEqual(await world.queue.run(id), { kind: 'park', ms: 60_000, reason: 'edge-disabled' })
    assert.equal(world.siem.status.get(id), 'open')
    edge?.edit((rules) => rules.map((rule) => ({ ...rule, enabled: true })))
    await world.pipeline.settler.settle(null)
    assert.deepEqual(await world.queue.run(id), { kind: 'done', outcome: 'blocked' })
  })

  it('gives up with an outcome when the text of its playbook is gone, so that a delivery takes it up again', async () => {
    const world = pipelineWorld({ env })
    const id = await world.deliver(ADDRESS)
    const { data } = (await world.queue.read(id)) ?? assert.fail()
    const lost = { ...data, playbook: { ...data.playbook, hash: 'f'.repeat(64) } }
    world.queue.read = async () => null
    Object.assign(world.queue.data(id), { playbook: lost.playbook })
    const ran = await world.queue.run(id)
    assert.equal(ran.kind, 'thrown')
    assert.equal((await world.record(id))?.outcome, 'gave-up')
    await world.deliver(ADDRESS, { id })
    assert.deepEqual(await world.queue.run(id), { kind: 'done', outcome: 'blocked' })
  })

  it('looks again when its ban became held between its look and its parking', async () => {
    const world = pipelineWorld({ env })
    const [edge] = world.edges
    await world.queue.run(await world.deliver('203.0.113.8'))
    edge?.edit((rules) => rules.map((rule) => ({ ...rule, enabled: false })))
    const id = await world.deliver(ADDRESS)
    world.beforeCommit = async (change) => {
      if (!change.put?.some(({ collection }) => collection === 'parked')) return undefined
      world.beforeCommit = async () => undefined
      edge?.edit((rules) => rules.map((rule) => ({ ...rule, enabled: true })))
      await world.pipeline.settler.settle(null)
      await world.background()
      return undefined
    }
    const ran = await world.queue.run(id)
    assert.ok(ran.kind === 'done' || (ran.kind === 'park' && ran.ms === 0), JSON.stringify(ran))
  })

  it('is not taken for held by the end of an earlier ban of the same address', async () => {
    const world = pipelineWorld({ env })
    const [edge] = world.edges
    await world.queue.run(await world.deliver('203.0.113.8'))
    const id = await world.deliver(ADDRESS)
    edge?.edit((rules) => rules.map((rule) => ({ ...rule, enabled: false })))
    assert.equal((await world.queue.run(id)).kind, 'park')
    // The alert lapsed once, as the ban that it began ended before it was held; now it waits again.
    const endedAt = world.clock.now().toISOString()
    world.clock.advance(1000)
    const record = await world.record(id)
    await world.records.commit({
      put: [
        { collection: 'outcomes', id, doc: { ...record, outcome: 'lapsed', at: world.clock.now().toISOString() } },
        { collection: 'offences', id: ADDRESS, doc: { address: ADDRESS, count: 1, endedAt, how: 'ended' } },
      ],
      remove: [{ collection: 'bans', id: ADDRESS }],
    })
    world.clock.advance(1000)
    await world.deliver(ADDRESS, { id })
    assert.equal((await world.queue.run(id)).kind, 'park')
    edge?.edit((rules) => rules.map((rule) => ({ ...rule, enabled: true })))
    await world.records.commit({ remove: [{ collection: 'bans', id: ADDRESS }] })
    world.clock.advance(1000)
    // Whatever becomes of it now, a ban has to be held before the alert is acknowledged.
    const ran = await world.queue.run(id)
    assert.deepEqual(ran, { kind: 'done', outcome: 'blocked' })
    assert.equal((await world.ban(ADDRESS))?.edges.shop?.held, true)
  })

  it('names an unknown alert in degraded once it has given up looking for it', async () => {
    const world = pipelineWorld({ env })
    const id = await world.deliver(ADDRESS)
    world.siem.status.delete(id)
    const ran = await world.queue.run(id)
    assert.equal(ran.kind === 'park' && ran.reason, 'unknown-alert')
    world.clock.advance(5 * 60_000 + 1)
    assert.deepEqual(await world.queue.run(id), { kind: 'done', outcome: 'unknown-alert' })
    assert.deepEqual(
      world.pipeline.health.degraded().map(({ part }) => part),
      ['unknown-alert'],
    )
    const next = await world.deliver('203.0.113.8')
    await world.queue.run(next)
    assert.deepEqual(world.pipeline.health.degraded(), [])
  })

  it('parks under the part that refused, and is woken when that works again', async () => {
    const world = pipelineWorld({ env })
    const id = await world.deliver(ADDRESS)
    world.siem.before = () => Promise.reject(new RefusedError('elastic', 'Elasticsearch does not know the API key'))
    assert.deepEqual(await world.queue.run(id), { kind: 'park', ms: 60_000, reason: 'elastic' })
    assert.deepEqual(
      world.pipeline.health.degraded().map(({ part }) => part),
      ['elastic'],
    )
    world.siem.before = async () => {}
    await world.tick()
    await world.background()
    assert.equal(world.queue.state(id), 'waiting')
    assert.deepEqual(await world.queue.run(id), { kind: 'done', outcome: 'blocked' })
  })

  it('runs again at once where what refused worked again before it could be found waiting', async () => {
    const world = pipelineWorld({ env })
    const id = await world.deliver(ADDRESS)
    world.siem.before = () => Promise.reject(new RefusedError('elastic', 'Elasticsearch does not know the API key'))
    world.beforeCommit = async ({ put }) =>
      put?.some(({ collection }) => collection === 'parked') ? void world.pipeline.health.works('elastic') : undefined
    assert.deepEqual(await world.queue.run(id), { kind: 'park', ms: 0, reason: 'elastic' })
  })

  it('names a host that refused its call until that takes one', async (t) => {
    const answers = [401, 200]
    const server = createServer((_, response) => response.writeHead(answers.shift() ?? 500).end('{}'))
    t.after(() => server.close().closeAllConnections())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const tell = `  - name: tell\n    type: http\n    with: { url: "http://127.0.0.1:${port}/" }`
    const world = pipelineWorld({ env, playbook: blocking('1h', { between: tell }) })
    const id = await world.deliver(ADDRESS)
    assert.deepEqual(await world.queue.run(id), { kind: 'park', ms: 60_000, reason: 'host:127.0.0.1' })
    assert.deepEqual(
      world.pipeline.health.degraded().map(({ part }) => part),
      ['host:127.0.0.1'],
    )
    assert.deepEqual(await world.queue.run(id), { kind: 'done', outcome: 'blocked' })
    assert.deepEqual(world.pipeline.health.degraded(), [])
  })

  it('ends with an outcome where its playbook names a zone that is no longer configured', async () => {
    const world = pipelineWorld({
      env,
      playbook: blocking('1h').replace('duration: 1h', 'duration: 1h, zones: [gone]'),
    })
    const id = await world.deliver(ADDRESS)
    const ran = await world.queue.run(id)
    assert.match(ran.kind === 'thrown' ? ran.error.message : '', /CLOUDFLARE_ZONE_ID names no zone gone/)
    assert.equal((await world.record(id))?.outcome, 'gave-up')
    assert.equal(world.siem.status.get(id), 'open')
  })

  it('runs once more when it is taken up in the very millisecond of its end', async () => {
    const world = pipelineWorld({ env: { ...env, MODE: 'observe' } })
    const id = await world.deliver(ADDRESS)
    assert.deepEqual(await world.queue.run(id), { kind: 'done', outcome: 'observing' })
    await world.deliver(ADDRESS, { id })
    assert.equal(world.queue.state(id), 'waiting')
    let decided = 0
    world.beforeCommit = async ({ put }) => {
      if (put?.some(({ collection }) => collection === 'outcomes')) decided++
      return undefined
    }
    await world.queue.run(id)
    assert.ok(decided > 0)
  })

  it('runs once more although whoever took it up has a clock that is behind', async () => {
    const world = pipelineWorld({ env })
    const id = await world.deliver(ADDRESS)
    await world.queue.run(id)
    const now = () => new Date(world.clock.now().getTime() - 60_000)
    const { replayed } = await replay({ queue: world.queue, clock: { ...world.clock, now } }, [id], 'alice')
    assert.deepEqual(replayed, [id])
    let calls = 0
    world.siem.before = async () => void calls++
    assert.deepEqual(await world.queue.run(id), { kind: 'done', outcome: 'blocked' })
    assert.equal(calls, 1)
    assert.deepEqual(await world.queue.run(id), { kind: 'done', outcome: 'blocked' })
    assert.equal(calls, 1)
  })

  it('leaves nothing among the parked once it has ended, also when it was taken up while it waited', async () => {
    const world = pipelineWorld({ env })
    const id = await world.deliver(ADDRESS)
    world.siem.before = () => Promise.reject(new RefusedError('elastic', 'Elasticsearch does not know the API key'))
    assert.equal((await world.queue.run(id)).kind, 'park')
    assert.equal(await world.records.count('parked'), 1)
    world.siem.before = async () => {}
    await replay(world, [id], 'alice')
    assert.deepEqual(await world.queue.run(id), { kind: 'done', outcome: 'blocked' })
    assert.equal(await world.records.count('parked'), 0)
  })

  it('is decided anew when another wrote its ban at that moment, and no quota is spent twice', async () => {
    const world = pipelineWorld({ env: { ...env, MAX_BANS_PER_HOUR: '1' } })
    const [first, second] = [await world.deliver(ADDRESS), await world.deliver(ADDRESS)]
    let lost = 0
    world.beforeCommit = async ({ put }) => {
      if (lost++ > 0 || !put?.some(({ collection }) => collection === 'bans')) return undefined
      return false
    }
    assert.deepEqual(await world.queue.run(first), { kind: 'done', outcome: 'blocked' })
    assert.deepEqual(await world.queue.run(second), { kind: 'done', outcome: 'blocked' })
    const other = await world.deliver('203.0.113.8')
    assert.deepEqual(await world.queue.run(other), { kind: 'done', outcome: 'quota-spent' })
  })
})
