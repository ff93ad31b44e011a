import { fileURLToPath } from 'node:url'
import { openStore, type Store } from '../../src/adapters/store.ts'
import { startWorld, type World, type WorldOptions } from '../../src/simulator/world.ts'
import { atEnd, type Ends, OPS_TOKEN } from './service.ts'
import { type ServiceProcess, startProcess } from './service-process.ts'
import { soak } from './soak.ts'
import type { StoreConfig } from './stores.ts'
import { until } from './stores-jobs.ts'
import { findProgram, startRedis } from './stores-servers.ts'

const FAST_CLOCK = new URL('./fast-clock.ts', import.meta.url).href
const PLAYBOOKS = fileURLToPath(new URL('../../playbooks', import.meta.url))

// Each process and each Redis listens for this one's end.
process.setMaxListeners(100)

/** Processes on one Redis, around one world; all of it ends with the test. */
export interface Instances {
  readonly world: World
  readonly store: Store
  /** How much faster than the world's the instances' clocks go: at full length 1, where leases last as long as they really do. */
  readonly speed: number
  /** The time as the instances know it, ms since the epoch. */
  now(): number
  start(): Promise<ServiceProcess>
  /** Puts an alert about this address into the world and sends it to this instance, again after a 503, as Kibana does. */
  send(to: ServiceProcess, sourceIp: string): Promise<string>
  acknowledged(id: string): Promise<void>
  /** The lease of an edge as it stands; null: nobody ever had it. */
  lease(edge: string): Promise<{ readonly rev: number; readonly holder: string; readonly until: number } | null>
}

/** Why these suites cannot run here; false: they can. */
export const withoutRedis = findProgram('redis-server') === null && 'NOT TESTED: redis-server is not installed'

// A job of a process that died is its own for 15 s, and is looked for every 5.
export const JOBS_BACK_MS = 60_000

/** `speed` is that of a run below full length; calls have the time that they really have, and leases outlast them the less. */
export async function instances(
  t: Ends,
  options: { readonly world?: WorldOptions; readonly env?: Record<string, string>; readonly speed: number },
): Promise<Instances> {
  const world = await startWorld(options.world)
  atEnd(t, () => world.close())
  const redis = await startRedis()
  atEnd(t, () => redis.stop())
  const config: StoreConfig = { store: { kind: 'redis', url: redis.url }, dataDir: '' }
  const store = await openStore(config)
  atEnd(t, () => store.close())
  const speed = soak ? 1 : options.speed
  const since = Date.now()
  const clock = {
    NODE_OPTIONS: `--import=${FAST_CLOCK}`,
    TEST_CLOCK_SPEED: String(speed),
    TEST_CLOCK_SINCE: String(since),
  }
  const env = { PLAYBOOKS_DIR: PLAYBOOKS, ...(speed === 1 ? {} : clock), ...options.env }
  return {
    world,
    store,
    speed,
    now: () => since + (Date.now() - since) * speed,
    async start() {
      const service = await startProcess(world, config, env)
      atEnd(t, () => service.kill())
      return service
    },
    async send(to, sourceIp) {
      const id = world.alerts.add({ sourceIp })
      await until(async () => {
        const { status } = await to.post(world.webhook([id]))
        if (status !== 202 && status !== 503) throw new Error(`The webhook answered ${status}`)
        return status === 202
      })
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
