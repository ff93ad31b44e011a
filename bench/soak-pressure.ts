import { setTimeout as sleep } from 'node:timers/promises'
import { startChild } from './child.ts'
import type { Place } from './places.ts'
import type { Findings } from './soak-findings.ts'
import { startWatched, type Watched } from './soak-service.ts'
import type { SoakWorldCalls } from './soak-world.ts'

const SENDERS = 20

/** More alerts than the queue may hold, while Cloudflare takes no write. */
export async function pressure(place: Place, limit: number, findings: Findings): Promise<void> {
  const world = await startChild<SoakWorldCalls>('./soak-world.ts', [20, 1])
  let service: Watched | null = null
  try {
    service = await startWatched({
      ...(await world.call('environment')),
      ...(await place.fresh()),
      QUEUE_LIMIT: String(limit),
    })
    await world.call('stop')
    const bodies = await world.call('add', { count: limit * 2, first: 0, distinct: 200 })
    const first = await postAll(service, bodies)
    await world.call('let')
    const begun = performance.now()
    let left = first.refused
    while (left.length > 0 && performance.now() - begun < 300_000) {
      await sleep(first.retryAfter * 1000)
      left = (await postAll(service, left)).refused
    }
    const recovered = performance.now() - begun
    await world.call('acknowledged', { atLeast: bodies.length, withinMs: 120_000 })
    const state = await world.call('state')
    findings.part(`pressure: ${bodies.length} alerts on a queue of ${limit}, ${place.kind}`)
    findings.bound('answered 202 or 429', first.other, '=', 0, `${first.refused.length} times 429`)
    findings.bound('no 429 at twice the limit', first.refused.length === 0 ? 1 : 0, '=', 0)
    findings.bound('429 without Retry-After', first.unsaid, '=', 0, `it said ${first.retryAfter} s`)
    findings.bound(
      'refused for ever',
      left.length,
      '=',
      0,
      `all taken ${(recovered / 1000).toFixed(0)} s after Cloudflare worked`,
    )
    findings.bound('alerts not acknowledged', bodies.length - state.acknowledged, '=', 0)
    findings.bound('acknowledged and not held', state.untrue, '=', 0)
  } finally {
    await service?.kill()
    await world.stop()
  }
}

async function postAll(service: Watched, bodies: readonly string[]) {
  const refused: string[] = []
  let [other, unsaid, retryAfter, next] = [0, 0, 0, 0]
  async function sender(): Promise<void> {
    while (next < bodies.length) {
      const body = bodies[next++] as string
      const { status, headers } = await service.post(body)
      if (status === 429) {
        refused.push(body)
        if (headers['retry-after'] === undefined) unsaid++
        retryAfter = Math.max(retryAfter, Number(headers['retry-after'] ?? 0))
      } else if (status !== 202) other++
    }
  }
  await Promise.all(Array.from({ length: SENDERS }, sender))
  return { refused, other, unsaid, retryAfter }
}
