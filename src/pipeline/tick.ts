import { messageOf, RefusedError } from '../errors.ts'
import type { Clock, Records, Siem } from '../ports.ts'
import type { Health } from './health.ts'
import type { Settler } from './settler.ts'

/** What has to happen whether or not alerts arrive. */
export interface Tick {
  /** Every minute: bans end, edges are read, parts that refused are tried again, leftovers are finished. Who asks during one shares it. Never rejects. */
  run(): Promise<void>
  /** One that begins after this call: what was changed before it is seen. */
  runAnew(): Promise<void>
  /** No further run; resolves when the one under way has ended. */
  stop(): Promise<void>
}

export interface TickDeps {
  readonly records: Records
  readonly settler: Settler
  readonly health: Health
  readonly siem: Siem | null
  readonly clock: Clock
  readonly reopenDisplaced: () => Promise<void>
  /** Ends what an earlier configuration has left at the edges; only after all of them were settled. */
  readonly tidy: () => Promise<void>
  /** Host names of the allowlist: every fifth time, and every time while one of them cannot be looked up. */
  readonly refreshAllowlist: () => Promise<void>
  readonly onFailure: (what: string, error: unknown) => void
}

const EVERY_MS = 60_000
// Host names are resolved every 5 minutes, expired records forgotten every hour.
const ALLOWLIST_TICKS = 5
const PURGE_TICKS = 60

export function startTick(deps: TickDeps): Tick {
  let count = 0
  let running: Promise<void> | null = null

  async function work(): Promise<void> {
    count++
    if (count % ALLOWLIST_TICKS === 0 || isDegraded('allowlist'))
      await attempt('resolving the allowlist', deps.refreshAllowlist)
    await attempt('settling the edges', async () => {
      await deps.settler.settle(null)
      await deps.tidy()
    })
    await attempt('reopening displaced alerts', deps.reopenDisplaced)
    if (deps.siem !== null && isDegraded('elastic')) await attempt('asking Elastic', () => probe(deps.siem as Siem))
    if (count % PURGE_TICKS === 0)
      await attempt('forgetting what has expired', () => deps.records.purge(deps.clock.now()))
  }

  async function attempt(what: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (error instanceof RefusedError) deps.health.refused(error.part, messageOf(error))
      else deps.onFailure(what, error)
    }
  }

  async function probe(siem: Siem): Promise<void> {
    await siem.probe()
    deps.health.probed('elastic')
  }

  function isDegraded(part: string): boolean {
    return deps.health.degraded().some((d) => d.part === part)
  }

  async function run(): Promise<void> {
    running ??= work().finally(() => {
      running = null
    })
    await running
  }

  const timer = setInterval(() => void run(), EVERY_MS)
  return {
    run,
    async runAnew() {
      await running
      await run()
    },
    async stop() {
      clearInterval(timer)
      await running
    },
  }
}
