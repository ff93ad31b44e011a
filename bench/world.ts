import { startWorld } from '../src/simulator/world.ts'
import { serveParent } from './child.ts'

/* The world as a process of its own: neither its CPU time nor its memory counts as anybody's. */

const latencyMs = Number(process.argv[2])

// Cloudflare's limits are not to be the thing measured: the rule takes a thousand addresses, the API any number of calls.
const world = await startWorld({
  cloudflare: { latencyMs, expressionLimit: 100_000, rateLimit: { requests: 1_000_000, seconds: 300 } },
  elasticsearch: { latencyMs },
})
let before = 0

const calls = {
  environment: () => world.environment(),
  /** Every call since `mark`, for whoever looks for what takes the time. */
  calls: () => [...world.cloudflare.calls, ...world.elasticsearch.calls].sort((a, b) => a.at - b.at),
  /** Makes open alerts with addresses `11.a.b.c`, numbered from `first` and repeated after `distinct`; each as one webhook. */
  add({ count, first, distinct }: { count: number; first: number; distinct: number }) {
    const ids = Array.from({ length: count }, (_, at) =>
      world.alerts.add({ sourceIp: addressOf(first + (at % distinct)) }),
    )
    return { together: world.webhook(ids), each: ids.map((id) => world.webhook([id])) }
  },
  /** Starts counting afresh. */
  mark() {
    before = world.alerts.changes.length
    world.cloudflare.calls.length = 0
    world.elasticsearch.calls.length = 0
  },
  /** Waits until so many alerts were acknowledged since `mark`; answers when each was, and what it took. */
  async acknowledged({ count, withinMs }: { count: number; withinMs: number }) {
    const end = Date.now() + withinMs
    const found = () => world.alerts.changes.slice(before).filter(({ to }) => to === 'acknowledged')
    while (found().length < count && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 5))
    return {
      at: found().map(({ at }) => at),
      puts: world.cloudflare.count('PUT'),
      reads: world.cloudflare.count('GET'),
      updates: world.elasticsearch.count('POST'),
    }
  },
}

export type WorldCalls = typeof calls
serveParent(calls)

function addressOf(number: number): string {
  return `11.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`
}
