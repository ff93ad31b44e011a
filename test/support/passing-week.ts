import { readdirSync, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import type { Store } from '../../src/adapters/store.ts'
import { type Clock, COLLECTIONS } from '../../src/ports.ts'
import { startWorld } from '../../src/simulator/world.ts'
import { FAST, startService } from './service.ts'
import { blocking, playbookFolder } from './service-stage.ts'
import type { StoreConfig } from './stores.ts'
import { until } from './stores-jobs.ts'

export interface WeekOptions {
  readonly days: number
  readonly alertsPerDay: number
  /** Sources of a day; each day has half of them anew. */
  readonly sources: number
  /** Finished jobs that the queue keeps; absent: what it keeps by itself. */
  readonly keepFinished?: number
  /** In how many portions the alerts of a day come; after each, the store is tidied. */
  readonly portions: number
  /** How often a day the edges are settled; what has expired is forgotten every 60 times. */
  readonly ticksPerDay: number
  readonly env?: Record<string, string>
}

/** How things stand at the end of a day. */
export interface Day {
  readonly day: number
  /** What the store takes: an embedded one's directory, Redis' memory. */
  readonly bytes: number
  readonly records: Readonly<Record<string, number>>
  readonly jobs: number
}

const DAY_MS = 24 * 3600_000

/** Days of alerts about bans of an hour, on a clock that is moved on; `onDay` hears of each as it ends. Answers the days. */
export async function passingWeek(
  config: StoreConfig,
  options: WeekOptions,
  onDay: (day: Day) => void = () => {},
): Promise<Day[]> {
  const { days, alertsPerDay, sources, keepFinished, ticksPerDay, portions } = options
  // The days pass in minutes, and Cloudflare counts its calls by the clock on the wall.
  const world = await startWorld({ cloudflare: { rateLimit: { requests: 1e9, seconds: 300 } } })
  const clock = movedClock()
  let store: Store | null = null
  const wrapStore = (opened: Store): Store => {
    store = opened
    const kept = keepFinished === undefined ? {} : { keepFinished }
    return { ...opened, createQueue: (queue = {}) => opened.createQueue({ ...queue, ...kept }) }
  }
  const folder = await playbookFolder({ 'block.yaml': blocking('1h') })
  const env = { PLAYBOOKS_DIR: folder, ...options.env }
  const service = await startService(world, config, env, { clock, rate: FAST, wrapStore })
  try {
    const found: Day[] = []
    for (let day = 1, sent = 0; day <= days; day++) {
      for (let portion = 0; portion < portions; portion++) {
        const due = Math.round(alertsPerDay * (day - 1 + (portion + 1) / portions))
        const ids = Array.from({ length: due - sent }, () =>
          world.alerts.add({
            sourceIp: addressOf(Math.floor((day * sources) / 2) + (sent++ % sources)),
            time: clock.now().toISOString(),
          }),
        )
        await deliver(world, service, ids)
        for (let tick = 0; tick < ticksPerDay / portions; tick++) {
          clock.advance(DAY_MS / ticksPerDay)
          await service.app.tick()
        }
        await (store as Store | null)?.tidy?.()
      }
      const stands = await dayOf(day, store as unknown as Store, config)
      found.push(stands)
      onDay(stands)
    }
    return found
  } finally {
    await service.stop()
    await world.close()
    await rm(folder, { recursive: true, force: true })
  }
}

async function deliver(
  world: Awaited<ReturnType<typeof startWorld>>,
  service: Awaited<ReturnType<typeof startService>>,
  ids: readonly string[],
): Promise<void> {
  for (let at = 0; at < ids.length; at += 100) {
    const { status } = await service.post(world.webhook(ids.slice(at, at + 100)))
    if (status !== 202) throw new Error(`The webhook answered ${status}`)
  }
  await until(() => ids.every((id) => world.alerts.status(id) === 'acknowledged'), 60_000)
}

/** Stands until it is moved on; who sleeps wakes at once, though not in this turn of the event loop. */
function movedClock(): Clock & { advance(ms: number): void } {
  const begun = Date.now()
  let passed = 0
  return {
    now: () => new Date(begun + passed),
    sleep: () => new Promise((resolve) => setTimeout(resolve, 1)),
    advance(ms) {
      passed += ms
    },
  }
}

async function dayOf(day: number, { records, createQueue }: Store, config: StoreConfig): Promise<Day> {
  const counts = await Promise.all(COLLECTIONS.map(async (name) => [name, await records.count(name)] as const))
  const queue = createQueue()
  const jobs = Object.values(await queue.counts()).reduce((sum, count) => sum + count, 0)
  await queue.close(0)
  return { day, bytes: await bytesOf(config), records: Object.fromEntries(counts), jobs }
}

async function bytesOf({ store, dataDir }: StoreConfig): Promise<number> {
  if (store.kind === 'embedded') return directoryBytes(dataDir)
  const redis = new Redis(store.url)
  const used = /^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]
  redis.disconnect()
  return Number(used)
}

function directoryBytes(directory: string): number {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true })
  return entries.reduce(
    (sum, entry) => sum + (entry.isFile() ? statSync(join(entry.parentPath, entry.name)).size : 0),
    0,
  )
}

function addressOf(number: number): string {
  return `11.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`
}
