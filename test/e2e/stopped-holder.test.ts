import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Gate } from '../../src/simulator/faults.ts'
import { type Instances, instances, lift, withoutRedis } from '../support/instances.ts'
import type { ServiceProcess } from '../support/service-process.ts'
import { addressOf, listedIn, termsOf } from '../support/service-stage.ts'
import { until } from '../support/stores-jobs.ts'

const EDGE = 'shop'
const LEASE_MS = 30_000
// What a call to Cloudflare may take.
const CALL_MS = 10_000
const [held, lifted, caught, later, last] = [1, 2, 3, 4, 5].map(addressOf) as [string, string, string, string, string]
const COLLEAGUES = { action: 'log', description: 'made meanwhile', expression: 'http.host eq "new.example"' }

describe('a holder of an edge that stands still or dies (redis)', { skip: withoutRedis, concurrency: true }, () => {
  it('hears of its own PUT after its time: the ledger refuses its verdict, and all stands as others left it', async (t) => {
    const story = await stopped(t, { method: 'PUT' })
    const { all, first } = story
    const before = all.world.zone.version()
    story.gate.open()
    await until(() => all.world.zone.version() > before)
    await takenOver(story)
    const stood = story.stood()
    first.signal('SIGCONT')
    await refused(story)
    // At full length its call has taken too long before it could come to a verdict.
    if (stood < CALL_MS - 1_000) await until(() => first.output().includes('another instance took over'))
    await standsAsMeant(story)
    assert.equal(all.world.zone.overlappingPuts, 0)
  })

  it('wakes between its read and its PUT: it does not write', async (t) => {
    const story = await stopped(t, { method: 'GET', path: 'entrypoint' })
    const { all, first } = story
    story.gate.open()
    await takenOver(story)
    const puts = all.world.zone.putTimes.length
    first.signal('SIGCONT')
    await refused(story)
    assert.equal(all.world.zone.putTimes.length, puts)
    await standsAsMeant(story)
    assert.equal(all.world.zone.overlappingPuts, 0)
  })

  it('has its PUT land after others wrote: the next pass puts back what it overwrote', async (t) => {
    const story = await stopped(t, { method: 'PUT' })
    const { all, first } = story
    await takenOver(story)
    const { zone } = all.world
    const before = zone.version()
    story.gate.open()
    await until(() => zone.version() > before)
    const late = zone.history().find(({ version }) => version === before + 1)
    assert.ok(listedIn(late?.rules ?? []).includes(lifted), 'the late PUT is to bring back what was lifted')
    first.signal('SIGCONT')
    await refused(story)
    await standsAsMeant(story)
  })

  it('dies in the middle of a PUT: the edge is free for others 30 s later at most', async (t) => {
    const story = await stopped(t, { method: 'PUT' })
    const { all, first, second, id, gate } = story
    const lease = await all.lease(EDGE)
    const died = all.now()
    await first.kill()
    gate.open()
    assert.ok(lease !== null && lease.until > died && lease.until - died <= LEASE_MS)
    second.signal('SIGCONT')
    const next = await all.send(second, later)
    await until(async () => (await all.lease(EDGE))?.holder !== lease.holder, LEASE_MS + 10_000)
    t.diagnostic(
      `taken over ${((all.now() - died) / 1000).toFixed(1)} s after its death, on a clock ${all.speed} times as fast`,
    )
    for (const each of [next, id]) await all.acknowledged(each)
  })
})

interface Story {
  readonly all: Instances
  readonly first: ServiceProcess
  /** Started before, and standing still since, so that it is not the holder. */
  readonly second: ServiceProcess
  /** The alert whose pass was caught. */
  readonly id: string
  readonly gate: Gate
  /** How long the first has stood still, ms. */
  stood(): number
}

/** An instance that holds the edge and was stopped while such a call of its pass was under way. */
async function stopped(t: Parameters<typeof instances>[0], call: { method: string; path?: string }): Promise<Story> {
  const all = await instances(t, { speed: 10 })
  const first = await all.start()
  for (const address of [held, lifted]) await all.acknowledged(await all.send(first, address))
  const before = await all.lease(EDGE)
  const second = await all.start()
  // With its first pass behind it, it holds nothing.
  await until(async () => {
    const lease = await all.lease(EDGE)
    return lease !== null && lease.holder !== before?.holder && lease.until === 0
  })
  second.signal('SIGSTOP')
  const gate = all.world.cloudflare.faults.hold(call)
  const id = await all.send(first, caught)
  await gate.arrived
  first.signal('SIGSTOP')
  const since = Date.now()
  return { all, first, second, id, gate, stood: () => Date.now() - since }
}

/** The other instance does its work once the lease has gone, an operator lifts a ban, a colleague makes a rule. */
async function takenOver({ all, second }: Story): Promise<void> {
  const { world } = all
  second.signal('SIGCONT')
  await all.acknowledged(await all.send(second, later))
  await lift(second, lifted)
  await until(() => !termsOf(world).includes(lifted))
  world.cloudflare.handEdit(world.zone, (rules) => [COLLEAGUES, ...rules])
}

/** By the ledger; or he gave up before, what he had read being older than what others wrote down, or his call too long under way. */
async function refused({ first }: Story): Promise<void> {
  const words =
    /no answer within 10 s|another instance took over|stood still for too long|older than version \d+ that it showed before/
  await until(() => words.test(first.output()))
}

async function standsAsMeant({ all, first, second, id }: Story): Promise<void> {
  const { world } = all
  // Both still serve, and any pass mends what is to be mended.
  for (const service of [first, second]) await all.acknowledged(await all.send(service, last))
  await all.acknowledged(id)
  const bans = () => all.store.records.all<{ edges: Record<string, { held: boolean }> }>('bans')
  await until(async () => {
    const isHeld = new Map((await bans()).map((ban) => [ban.id, ban.doc.edges[EDGE]?.held]))
    return [held, caught, later, last].every((each) => termsOf(world).includes(each) && isHeld.get(each))
  })
  assert.ok(!termsOf(world).includes(lifted), 'what was lifted stays lifted')
  assert.ok(!(await bans()).some((ban) => ban.id === lifted))
  assert.ok(
    world.zone.rules().some((rule) => rule.description === COLLEAGUES.description),
    'the colleague’s rule stands',
  )
}
