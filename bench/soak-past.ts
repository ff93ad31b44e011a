import { setTimeout as sleep } from 'node:timers/promises'
import { startChild } from './child.ts'
import type { Place } from './places.ts'
import type { Findings } from './soak-findings.ts'
import { seedHistory, seedJobs } from './soak-seed.ts'
import { startWatched, type Watched } from './soak-service.ts'
import type { SoakWorldCalls } from './soak-world.ts'

/** A start with so many jobs waiting. */
export async function startBehind(place: Place, jobs: number, findings: Findings): Promise<void> {
  await withWorld(place, async (world, env) => {
    const alerts = await world.call('sketch', { count: jobs, distinct: 300 })
    await seedJobs(env, alerts)
    const begun = performance.now()
    const service = await startWatched({ ...env, QUEUE_LIMIT: String(jobs * 2) })
    try {
      const ready = service.probe.memory.resident()
      const [body = ''] = await world.call('add', { count: 1, first: 0, distinct: 300 })
      await service.probe.call('reset')
      const sent = performance.now()
      const { status } = await service.post(body)
      const answered = performance.now() - sent
      const first = await world.call('acknowledged', { atLeast: 1, withinMs: 120_000 })
      const served = performance.now() - begun
      await sleep(30_000)
      const { computed } = await service.probe.call('read')
      const { acknowledged } = await world.call('state')
      findings.part(`start: ${jobs} jobs waiting, ${place.kind}`)
      findings.bound('time to ready, ms', service.startMs, '<', 10_000, `then resident ${ready} MB`)
      findings.bound('a webhook at once answered', status, '=', 202, `after ${answered.toFixed(0)} ms`)
      findings.bound('first alerts acknowledged', Math.min(first, 1), '=', 1, `after ${served.toFixed(0)} ms`)
      findings.bound('most resident, MB', service.probe.memory.peak() ?? 0, '<', place.kind === 'redis' ? 500 : 1_000)
      findings.figure('after 30 s more', `${acknowledged} acknowledged; computed at once ${computed.max.toFixed(0)} ms`)
    } finally {
      await service.kill()
    }
  })
}

/** A ledger with the traces of so many bans. */
export async function longPast(place: Place, bans: number, findings: Findings): Promise<void> {
  await withWorld(place, async (world, env) => {
    const address = (n: number) => `11.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`
    await seedHistory(
      env,
      Array.from({ length: bans }, (_, n) => address(n)),
    )
    const service = await startWatched(env)
    try {
      const ready = service.probe.memory.resident()
      for (const body of await world.call('add', { count: 50, first: 0, distinct: 1_000 })) await service.post(body)
      await world.call('acknowledged', { atLeast: 50, withinMs: 60_000 })
      findings.part(`past: ${bans} bans in the history, ${place.kind}`)
      findings.bound('time to ready, ms', service.startMs, '<', 10_000, `then resident ${ready} MB`)
      findings.bound('a pass, ms', await passOf(service), '<', 1_000, 'with two calls of Cloudflare of 20 ms')
      for (const [name, path, most] of [
        ['/api/bans', '/api/bans', 500],
        ['/api/history', '/api/history', 500],
        ['/api/status', '/api/status', 500],
        ['why, banned now', `/api/why?address=${address(7)}`, 2_000],
        ['why, long ago', `/api/why?address=${address(bans >> 1)}`, 2_000],
        ['why, for the first time', '/api/why?address=192.0.2.250', 2_000],
      ] as const) {
        await service.probe.call('reset')
        const before = await service.probe.call('read')
        const took = await medianOf(TIMES, () => service.ops(path))
        const { computed, cpu } = await service.probe.call('read')
        const each = (((cpu - before.cpu) * 1000) / TIMES).toFixed(0)
        findings.bound(`${name}, ms`, took, '<', most, `CPU ${each} ms, at once ${computed.max.toFixed(0)} ms`)
      }
      findings.figure('most resident, MB', String(service.probe.memory.peak()))
    } finally {
      await service.kill()
    }
  })
}

const TIMES = 5

type World = Awaited<ReturnType<typeof startChild<SoakWorldCalls>>>

async function withWorld(
  place: Place,
  work: (world: World, env: Record<string, string>) => Promise<void>,
): Promise<void> {
  const world = await startChild<SoakWorldCalls>('./soak-world.ts', [20, 1])
  try {
    await work(world, { ...(await world.call('environment')), ...(await place.fresh()) })
  } finally {
    await world.stop()
  }
}

/** The mean of its passes since the start. */
async function passOf(service: Watched): Promise<number> {
  const text = await service.ops('/metrics')
  const value = (name: string) =>
    Number(new RegExp(`^portcullis_settle_duration_seconds_${name} (.+)$`, 'm').exec(text)?.[1])
  return (value('sum') / value('count')) * 1000
}

async function medianOf(times: number, work: () => Promise<unknown>): Promise<number> {
  const took: number[] = []
  for (let n = 0; n < times; n++) {
    const begun = performance.now()
    await work()
    took.push(performance.now() - begun)
  }
  return took.sort((a, b) => a - b)[times >> 1] as number
}
