import { fileURLToPath } from 'node:url'
import { openStore, type Store } from '../../src/adapters/store.ts'
import { startWorld, type World, type WorldOptions } from '../../src/simulator/world.ts'
import { OPS_TOKEN } from './service.ts'
import { type ServiceProcess, startProcess } from './service-process.ts'
import { soak } from './soak.ts'
import type { StoreConfig } from './stores.ts'
import { until } from './stores-jobs.ts'
import { findProgram, startRedis } from './stores-servers.ts'

const FAST_CLOCK = new URL('./fast-clock.ts', import.meta.url).href
const PLAYBOOKS = fileURLToPath(new URL('../../playbooks', import.meta.url))

/** How much faster than the world's the instances' clocks go: at full length their leases last as long as they really do. */
export const SPEED = soak ? 1 : 10

// Each process and each Redis listens for this one's end.
process.setMaxListeners(100)

/** Processes on one Redis, around one world; all of it ends with the test. */
export interface Instances {
  readonly world: World
  readonly store: Store
  /** The time as the instances know it, ms since the epoch. */
  now(): number
  start(): Promise<ServiceProcess>
  /** Puts an alert about this address into the world and sends it to this instance. */
  send(to: ServiceProcess, sourceIp: string): Promise<string>
  acknowledged(id: string): Promise<void>
  /** The lease of an edge as it stands; null: nobody ever had it. */
  lease(edge: string): Promise<{ readonly rev: number; readonly holder: string; readonly until: number } | null>
}

/** Why these suites cannot run here; false: they can. */
export const withoutRedis = findProgram('redis-server') === null && 'NOT TESTED: redis-server is not installed'

// A job of a process that died is its own for 15 s, and is looked for every 5.
export const JOBS_BACK_MS = 40_000

export async function instances(
  t: { after(close: () => Promise<void>): void },
  options: { readonly world?: WorldOptions; readonly env?: Record<string, string> } = {},
): Promise<Instances> {
  const world = await startWorld(options.world)
  t.after(() => world.close())
  const redis = await startRedis()
  t.after(() => redis.stop())
  const config: StoreConfig = { store: { kind: 'redis', url: redis.url }, dataDir: '' }
  const store = await openStore(config)
  t.after(() => store.close())
  const since = Date.now()
  const clock = {
    NODE_OPTIONS: `--import=${FAST_CLOCK}`,
    TEST_CLOCK_SPEED: String(SPEED),
    TEST_CLOCK_SINCE: String(since),
  }
  const env = { PLAYBOOKS_DIR: PLAYBOOKS, ...(SPEED === 1 ? {} : clock), ...options.env }
  return {
    world,
    store,
    now: () => since + (Date.now() - since) * SPEED,
    async start() {
      const service = await startProcess(world, config, env)
      t.after(() => service.kill())
      return service
    },
    async send(to, sourceIp) {
      const id = world.alerts.add({ sourceIp })
      const { status } = await to.post(world.webhook([id]))
      if (status !== 202) throw new Error(`The webhook answered ${status}`)
      return id
    },
    acknowledged: (id) => until(() => world.alerts.status(id) === 'acknowledged', JOBS_BACK_MS),
    async lease(edge) {
      const found = (await store.records.get<{ holder: string; until: string }>('leases', [edge])).get(edge)
      return found ? { rev: found.rev, holder: found.doc.holder, until: Date.parse(found.doc.until) } : null
    },
  }
}

/** An operator lifts the ban of an address. */
export async function lift({ opsUrl }: ServiceProcess, address: string): Promise<void> {
  const answer = await fetch(`${opsUrl}/api/bans/${address}`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${OPS_TOKEN}` },
  })
  if (!answer.ok) throw new Error(`The ban of ${address} was not lifted: ${answer.status} ${await answer.text()}`)
}
