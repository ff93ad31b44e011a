import { monitorEventLoopDelay } from 'node:perf_hooks'
import { serveParent } from './child.ts'

/* Preloaded into the service that is measured: tells its parent how late its event loop was, and what memory it takes. */

// Readings hold the 10 ms between two looks, so an idle loop shows some 10 ms.
const delay = monitorEventLoopDelay({ resolution: 10 })
delay.enable()

const calls = {
  reset: () => delay.reset(),
  /** Milliseconds and MB; `cpu` in seconds since the start. */
  read() {
    const { rss, heapUsed } = process.memoryUsage()
    const { user, system } = process.cpuUsage()
    return {
      delay: { p50: delay.percentile(50) / 1e6, p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 },
      rss: rss / 2 ** 20,
      heap: heapUsed / 2 ** 20,
      cpu: (user + system) / 1e6,
    }
  },
}

export type ProbeCalls = typeof calls
serveParent(calls)
