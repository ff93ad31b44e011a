import { createHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { serveParent } from './child.ts'

/* Preloaded into the service that is measured: tells its parent how late its event loop was, and what memory it takes. */

const LOOK_MS = 10
// Readings hold the 10 ms between two looks, so an idle loop shows some 10 ms.
const delay = monitorEventLoopDelay({ resolution: LOOK_MS })
delay.enable()

// The same without what other programs took of the cores: how much this thread computed from one look to the next.
const computed = createHistogram()
let before = threadCpu()
setInterval(() => {
  const now = threadCpu()
  computed.record(Math.max(1, Math.round(now - before)))
  before = now
}, LOOK_MS).unref()

function threadCpu(): number {
  const { user, system } = process.threadCpuUsage()
  return user + system
}

const calls = {
  /** A process that ends by itself writes its profile. */
  exit: () => process.exit(0),
  reset() {
    delay.reset()
    computed.reset()
  },
  /** What is still reachable, in MB. */
  live() {
    setFlagsFromString('--expose-gc')
    runInNewContext('gc')()
    return process.memoryUsage().heapUsed / 2 ** 20
  },
  /** Milliseconds and MB; `cpu` in seconds since the start. */
  read() {
    const { rss, heapUsed } = process.memoryUsage()
    const { user, system } = process.cpuUsage()
    return {
      delay: { p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 },
      computed: { p99: computed.percentile(99) / 1e3, max: computed.max / 1e3 },
      rss: rss / 2 ** 20,
      heap: heapUsed / 2 ** 20,
      cpu: (user + system) / 1e6,
    }
  },
}

export type ProbeCalls = typeof calls
serveParent(calls)
