import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Instances, instances, JOBS_BACK_MS, withoutRedis } from '../support/instances.ts'
import { atEnd } from '../support/service.ts'
import { allAcknowledged, assertHeldBefore, missingFrom, numbered } from '../support/service-burst.ts'
import type { ServiceProcess } from '../support/service-process.ts'
import { startTwoZones } from '../support/service-stage.ts'
import { soak } from '../support/soak.ts'

const ZONES = ['one', 'two']
const LEASE_MS = 30_000
const [LENGTH_MS, KILL_EVERY_MS, ALERT_EVERY_MS] = soak ? [60_000, 4_000, 50] : [7_000, 2_000, 50]

describe('three instances of which one after the other is killed (redis)', { skip: withoutRedis }, () => {
  it('lose nothing, acknowledge nothing before it is held, and write to each zone one at a time', async (t) => {
    const { cloudflare, env } = await startTwoZones()
    atEnd(t, () => cloudflare.close())
    Object.assign(cloudflare.manners, { latencyMs: 100, expressionLimit: 100_000 })
    const all = await instances(t, { speed: 5, env: { ...env, CLOUDFLARE_EXPRESSION_LIMIT: '100000' } })
    const here: (ServiceProcess | null)[] = await Promise.all([all.start(), all.start(), all.start()])
    const addresses = numbered(LENGTH_MS / ALERT_EVERY_MS)
    const ids = addresses.map((sourceIp) => all.world.alerts.add({ sourceIp }))
    const posting = post(all, here, ids)
    const [{ kills, lease, free }] = await Promise.all([killInTurn(all, here, posting), posting])
    await allAcknowledged(all.world, ids, LEASE_MS / all.speed + JOBS_BACK_MS)
    for (const zone of cloudflare.zones) {
      const world = { ...all.world, zone }
      assert.deepEqual(missingFrom(world, addresses), [], zone.name)
      assertHeldBefore(world, ids, addresses)
      assert.equal(zone.overlappingPuts, 0, `${zone.name}: PUTs at the same time`)
    }
    assert.equal(all.world.alerts.changes.length, ids.length, 'each alert was acknowledged once')
    assert.ok(lease <= LEASE_MS, `a holder that was killed had its lease for ${lease} ms more`)
    const seconds = (ms: number) => (ms / 1000).toFixed(1)
    t.diagnostic(
      `${ids.length} alerts, ${kills} kills; the longest lease of one killed was to last ${seconds(lease)} s more, the edge was taken over ${seconds(free)} s after the kill (clock × ${all.speed})`,
    )
  })
})

/** One webhook after the other, each to the next instance; who gets no 202 tries another, as Kibana does. */
async function post(all: Instances, here: readonly (ServiceProcess | null)[], ids: readonly string[]): Promise<void> {
  let next = 0
  async function deliver(id: string): Promise<void> {
    for (const end = Date.now() + JOBS_BACK_MS; Date.now() < end; ) {
      const service = here[next++ % here.length]
      const status = await service?.post(all.world.webhook([id])).then(
        (answer) => answer.status,
        () => 0,
      )
      if (status === 202) return
      await sleep(20)
    }
    throw new Error(`No instance took the alert ${id}`)
  }
  const under: Promise<void>[] = []
  for (const id of ids) {
    under.push(deliver(id))
    await sleep(ALERT_EVERY_MS)
  }
  await Promise.all(under)
}

/** Kills one and starts it again, until all is posted; answers the longest that a lease outlived its holder, in theory and in fact, ms. */
async function killInTurn(all: Instances, here: (ServiceProcess | null)[], posting: Promise<void>) {
  let over = false
  const end = () => {
    over = true
  }
  posting.then(end, end)
  const leases: Promise<{ lease: number; free: number }[]>[] = []
  let kills = 0
  // A slow machine may have taken all alerts before.
  for (; !over || kills < 3; kills++) {
    await sleep(KILL_EVERY_MS)
    const which = kills % here.length
    const victim = here[which]
    here[which] = null
    await victim?.kill()
    leases.push(Promise.all(ZONES.map((zone) => outlived(all, zone))))
    here[which] = await all.start()
  }
  const found = (await Promise.all(leases)).flat()
  const most = (of: 'lease' | 'free') => Math.max(0, ...found.map((each) => each[of]))
  return { kills, lease: most('lease'), free: most('free') }
}

/** How long the lease that stood at this moment was to last, and how long it stood, if its holder was the one that died; else 0. */
async function outlived(all: Instances, zone: string): Promise<{ lease: number; free: number }> {
  const lease = await all.lease(zone)
  // After the reading: another instance may have taken the lease since the death, for its full time.
  const died = all.now()
  if (lease === null || lease.until <= died) return { lease: 0, free: 0 }
  for (;;) {
    const { rev = 0 } = (await all.lease(zone)) ?? {}
    const free = all.now() - died
    // A holder that lives gives it back or renews it before it has run out.
    if (rev !== lease.rev) return all.now() < lease.until ? { lease: 0, free: 0 } : { lease: lease.until - died, free }
    await sleep(5)
  }
}
