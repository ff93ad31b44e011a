import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { silentLog } from '../../src/log.ts'
import { replay } from '../../src/pipeline/reopen.ts'
import { pipelineWorld } from '../support/service-pipeline.ts'
import { blocking } from '../support/service-stage.ts'

const ADDRESS = '203.0.113.7'
const env = { ALLOW_DOCUMENTATION_RANGES: 'true' }
const DAY_MS = 24 * 3600_000

describe('a failing step', () => {
  it('has attempts of its own, whatever steps before it have needed', async (t) => {
    const { playbook, calls, failing } = await twoCalls(t)
    failing('/first', 2)
    failing('/second', 2)
    const world = pipelineWorld({ env, playbook })
    const id = await world.deliver(ADDRESS)
    const kinds: string[] = []
    for (let run = 0; run < 5; run++) kinds.push((await world.queue.run(id)).kind)
    assert.deepEqual(kinds, ['thrown', 'thrown', 'thrown', 'thrown', 'done'])
    assert.deepEqual(calls, ['/first', '/first', '/first', '/second', '/second', '/second'])
    assert.equal((await world.record(id))?.outcome, 'blocked')
  })

  it('is given up after as many attempts as its playbook allows, and has them anew after a replay', async (t) => {
    const { playbook, calls, failing } = await twoCalls(t)
    failing('/second', 4)
    const world = pipelineWorld({ env, playbook })
    const id = await world.deliver(ADDRESS)
    for (let run = 0; run < 3; run++) assert.equal((await world.queue.run(id)).kind, 'thrown')
    assert.equal((await world.record(id))?.outcome, 'gave-up')
    assert.equal(world.queue.state(id), 'failed')
    assert.deepEqual(calls, ['/first', '/second', '/second', '/second'])
    world.clock.advance(1000)
    assert.deepEqual(await replay(world, [id], 'alice'), { replayed: [id], busy: [], unknown: [] })
    assert.equal((await world.queue.run(id)).kind, 'thrown')
    assert.deepEqual(await world.queue.run(id), { kind: 'done', outcome: 'blocked' })
    assert.deepEqual(calls.slice(4), ['/second', '/second'])
    assert.equal(world.queue.data(id).failures, undefined)
  })

  it('is passed over where its playbook says so, and that is a line in the log', async (t) => {
    const { playbook, failing } = await twoCalls(t)
    failing('/first', 3)
    const lines: string[] = []
    const log = { ...silentLog, warn: (message: string) => void lines.push(message) }
    const patient = playbook.replace('on-failure: { retry', 'on-failure: { continue: true, retry')
    const world = pipelineWorld({ env, playbook: patient, log })
    const id = await world.deliver(ADDRESS)
    for (let run = 0; run < 2; run++) assert.equal((await world.queue.run(id)).kind, 'thrown')
    assert.deepEqual(await world.queue.run(id), { kind: 'done', outcome: 'blocked' })
    const said = lines.filter((line) => !line.includes('will be tried again'))
    assert.equal(said.length, 1, said.join('\n'))
    assert.match(said[0] ?? '', new RegExp(`^alert ${id} goes on without the step first, which has failed: .*500`))
  })
})

describe('a replay', () => {
  it('of a job that is at work begins when that has come to rest', async () => {
    const world = pipelineWorld({ env })
    const id = await world.deliver(ADDRESS)
    const asked: ReturnType<typeof replay>[] = []
    world.siem.before = async () => {
      world.siem.before = async () => {}
      asked.push(replay(world, [id], 'alice'))
    }
    assert.deepEqual(await world.queue.run(id), { kind: 'done', outcome: 'blocked' })
    assert.deepEqual(await Promise.all(asked), [{ replayed: [id], busy: [], unknown: [] }])
    assert.equal(world.queue.state(id), 'waiting')
    assert.equal(world.queue.data(id).replay?.by, 'alice')
  })

  it('of a job that stays at work says so and changes nothing, beside others that are taken up', async () => {
    const world = pipelineWorld({ env })
    const [finished, id] = [await world.deliver('203.0.113.8'), await world.deliver(ADDRESS)]
    await world.queue.run(finished)
    let slept = 0
    const sleep = async (ms: number) => {
      slept += ms
    }
    world.siem.before = async () => {
      world.siem.before = async () => {}
      const answer = await replay({ ...world, clock: { ...world.clock, sleep } }, [id, 'none', finished], 'alice')
      assert.deepEqual(answer, { replayed: [finished], busy: [id], unknown: ['none'] })
    }
    assert.deepEqual(await world.queue.run(id), { kind: 'done', outcome: 'blocked' })
    assert.equal(slept, 5000)
    assert.equal(world.queue.state(id), 'completed')
    assert.equal(world.queue.data(id).replay, undefined)
  })
})

describe('an alert that waits for the end of a pause', () => {
  it('says so in Elastic, once, and afterwards what became of it', async () => {
    const world = pipelineWorld({ env })
    const at = world.clock.now().toISOString()
    await world.pipeline.pausing.begin({ by: 'alice', at, until: null, reason: '' }, [])
    const tags: string[] = []
    world.siem.before = async (marks) => void tags.push(...marks.map(({ tag }) => tag))
    const id = await world.deliver(ADDRESS)
    for (let run = 0; run < 2; run++) {
      assert.deepEqual(await world.queue.run(id), { kind: 'park', ms: 60_000, reason: 'paused' })
      await world.background()
    }
    assert.deepEqual([tags, world.siem.status.get(id), world.siem.tags.get(id)], [['paused'], 'open', 'paused'])
    await world.pipeline.pausing.end([])
    assert.deepEqual(await world.queue.run(id), { kind: 'done', outcome: 'blocked' })
    assert.deepEqual([world.siem.status.get(id), world.siem.tags.get(id)], ['acknowledged', 'blocked'])
  })
})

describe('an alert that lapses', () => {
  const lapsing = async () => {
    const world = pipelineWorld({ env })
    await world.queue.run(await world.deliver('203.0.113.8'))
    world.edges[0]?.edit((rules) => rules.map((rule) => ({ ...rule, enabled: false })))
    const id = await world.deliver(ADDRESS)
    assert.equal((await world.queue.run(id)).kind, 'park')
    world.clock.advance(DAY_MS + 1000)
    return { world, id }
  }

  it('is tagged as such once Elastic is there again', async () => {
    const { world, id } = await lapsing()
    world.siem.before = () => Promise.reject(new Error('Elastic is away'))
    for (let run = 0; run < 3; run++) {
      assert.equal((await world.queue.run(id)).kind, 'thrown')
      world.clock.advance(60_000)
    }
    world.siem.before = async () => {}
    assert.deepEqual(await world.queue.run(id), { kind: 'done', outcome: 'lapsed' })
    assert.deepEqual([world.siem.status.get(id), world.siem.tags.get(id)], ['open', 'lapsed'])
  })

  it('ends all the same where Elastic stays away', async () => {
    const { world, id } = await lapsing()
    world.siem.before = () => Promise.reject(new Error('Elastic is away'))
    let runs = 0
    while ((await world.queue.run(id)).kind === 'thrown') {
      assert.ok(++runs < 20, 'it never ends')
      world.clock.advance(60_000)
    }
    assert.equal((await world.record(id))?.outcome, 'lapsed')
    assert.ok(runs >= 5, `it was tried ${runs} times`)
  })
})

/** A playbook whose two calls may fail three times each, and a server that fails as often as told. */
async function twoCalls(t: TestContext) {
  const calls: string[] = []
  const left = new Map<string, number>()
  const server = createServer(({ url = '' }, response) => {
    calls.push(url)
    const fails = left.get(url) ?? 0
    left.set(url, fails - 1)
    response.writeHead(fails > 0 ? 500 : 200).end('{}')
  })
  t.after(() => server.close().closeAllConnections())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const step = (name: string) => `  - name: ${name}
    type: http
    with: { url: "http://127.0.0.1:${port}/${name}" }
    on-failure: { retry: { max-attempts: 3, delay: 1s } }
`
  const playbook = blocking('1h', { between: step('first') + step('second') })
  return { playbook, calls, failing: (url: string, times: number) => void left.set(url, times) }
}
