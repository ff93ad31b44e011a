import { parsePlaybook } from '../../src/adapters/yaml-playbook.ts'
import { createPipeline, type Pipeline } from '../../src/app-pipeline.ts'
import { readConfig } from '../../src/config.ts'
import type { Alert } from '../../src/core/alert.ts'
import { StoreError } from '../../src/errors.ts'
import { createEvents } from '../../src/events.ts'
import { silentLog } from '../../src/log.ts'
import { createMetrics } from '../../src/metrics.ts'
import type { ByHandDeps } from '../../src/ops/by-hand.ts'
import type { Clock, Edge, Queue, Records } from '../../src/ports.ts'
import { type FakeEdge, fakeEdge } from './fake-edge.ts'
import { memoryRecords } from './memory-records.ts'
import { MINUTE } from './month-oracle.ts'
import { type MonthSiem, monthSiem } from './month-siem.ts'
import { type MemoryQueue, memoryQueue } from './service-queue.ts'
import { blocking } from './service-stage.ts'
import { SETTINGS } from './settings.ts'

/** One zone, which may be out of reach or short of room. */
export interface Zone {
  readonly name: string
  readonly edge: FakeEdge
  down: boolean
  limit: number
  /** Done by a person between our next reading and our writing. */
  meanwhile: (() => void) | null
}

/** What of the service outlives its instances, and the instance that runs. */
export interface MonthWorld {
  readonly clock: Clock & { set(time: number): void }
  readonly records: Records
  readonly zones: readonly Zone[]
  readonly siem: MonthSiem
  readonly queue: MemoryQueue
  pipeline(): Pipeline
  /** What operators' orders need of the instance. */
  byHand(): ByHandDeps
  deliver(alerts: readonly Alert[]): Promise<void>
  /** What a minute brings. */
  tick(): Promise<void>
  /** Jobs that may run now. */
  ready(): string[]
  /** How many are not finished. */
  open(): number
  run(ids: readonly string[]): Promise<void>
  /** Whatever was begun beside all that. */
  quiet(): Promise<void>
  /** After so many more writes, to whatever, the instance is dead. */
  dieAfter(writes: number): void
  isDead(): boolean
  restart(): void
}

const ENV = {
  ...SETTINGS,
  MAX_BANS_PER_HOUR: '100000',
  ADOPT_FOR: '5d',
}

export function monthWorld(
  start: number,
  names: readonly string[],
  wrap: (edge: Edge, clock: Clock) => Edge = (e) => e,
) {
  let time = start
  const clock = {
    now: () => new Date(time),
    // Nothing that waits for less than a minute lets time pass.
    sleep: () => new Promise<void>((resolve) => setImmediate(resolve)),
    set(at: number) {
      if (at < time) throw new Error('time does not run backwards')
      time = at
    },
  }
  const zones = names.map((name): Zone => {
    return { name, edge: fakeEdge(name, clock.now), down: false, limit: 4096, meanwhile: null }
  })
  const memory = memoryRecords()
  const { siem, port } = monthSiem()
  const { queue, open, due } = watchedQueue()
  const text = blocking('[1h, 24h, 7d, 30d]')
  const files = [{ playbook: parsePlaybook(text, 'block.yaml'), text }]
  const config = readConfig(ENV)
  let instance = begin()

  function begin() {
    const life = { writesLeft: Number.POSITIVE_INFINITY }
    const pipeline = createPipeline({
      config,
      events: createEvents({ log: silentLog, metrics: createMetrics({ processMetrics: false }) }),
      records: mortalRecords(memory, life),
      queue,
      clock,
      edges: zones.map((zone) => wrap(mortalEdge(zone, life), clock)),
      siem: port,
      allowlist: { entries: () => [], unresolved: () => [], refresh: async () => [] },
      playbooks: () => files,
    })
    queue.work(pipeline.respond)
    const tick = pipeline.startTick()
    void tick.stop()
    return { life, pipeline, tick }
  }

  const world: MonthWorld = {
    ...{ clock, records: memory, zones, siem, queue },
    pipeline: () => instance.pipeline,
    byHand() {
      const { friends, allowed, pausing, wake, given, settler } = instance.pipeline
      const nothing = { unban: () => {}, ordered: () => {}, paused: () => {} }
      return {
        ...{ friends, allowed, pausing, wake, given, records: memory, edges: names, now: clock.now },
        releaseForMs: config.releaseForMs,
        offenceMemoryMs: config.offenceMemoryMs,
        historyForMs: config.historyForMs,
        firstDuration: () => null,
        explain: () => Promise.reject(new Error('nobody asks')),
        settle: settler.settle,
        events: nothing,
      }
    },
    async deliver(alerts) {
      for (const { id } of alerts) siem.status.set(id, siem.status.get(id) ?? 'open')
      await instance.pipeline.intake.accept(alerts)
    },
    async tick() {
      await instance.tick.run()
      await world.quiet()
    },
    ready: () =>
      [...open].filter((id) => {
        const state = queue.state(id)
        return state === 'waiting' || (state === 'delayed' && (due.get(id) ?? 0) <= time)
      }),
    open: () => open.size,
    async run(ids) {
      const runs = ids.map(async (id) => {
        const ran = await queue.run(id)
        if (ran.kind === 'done') open.delete(id)
        else due.set(id, time + (ran.kind === 'park' ? ran.ms : MINUTE))
      })
      await Promise.all(runs)
      await world.quiet()
    },
    async quiet() {
      for (let turn = 0; turn < 8; turn++) await new Promise((resolve) => setImmediate(resolve))
      await instance.pipeline.settler.idle()
      for (let turn = 0; turn < 8; turn++) await new Promise((resolve) => setImmediate(resolve))
    },
    dieAfter(writes) {
      instance.life.writesLeft = writes
    },
    isDead: () => instance.life.writesLeft <= 0,
    restart() {
      instance.life.writesLeft = 0
      instance = begin()
    },
  }
  return world
}

interface Life {
  writesLeft: number
}

function mortalRecords(memory: Records, life: Life): Records {
  const alive = <T>(work: () => Promise<T>): Promise<T> =>
    life.writesLeft > 0 ? work() : Promise.reject(new StoreError('this instance is dead'))
  return {
    ...memory,
    get: (collection, ids) => alive(() => memory.get(collection, ids)),
    all: (collection) => alive(() => memory.all(collection)),
    commit: (change) =>
      alive(() => {
        life.writesLeft--
        return memory.commit(change)
      }),
  }
}

function mortalEdge(zone: Zone, life: Life): Edge {
  const { port } = zone.edge
  const reached = <T>(work: () => Promise<T>): Promise<T> => {
    if (life.writesLeft <= 0) return Promise.reject(new Error('this instance is dead'))
    return zone.down ? Promise.reject(new Error('connect ETIMEDOUT')) : work()
  }
  return {
    ...port,
    limit: () => zone.limit,
    read: () => reached(port.read),
    version: (version) => reached(() => port.version(version)),
    write: (rules) =>
      reached(async () => {
        zone.meanwhile?.()
        zone.meanwhile = null
        const answer = await port.write(rules)
        life.writesLeft--
        if (life.writesLeft <= 0) throw new Error('this instance died before the answer')
        return answer
      }),
  }
}

/** Knows which jobs are not finished, and when the parked ones are due. */
function watchedQueue() {
  const queue = memoryQueue()
  const open = new Set<string>()
  const due = new Map<string, number>()
  const noting = <T>(work: (jobs: Parameters<Queue['add']>[0]) => Promise<T>) => {
    return (jobs: Parameters<Queue['add']>[0]) => {
      for (const { id } of jobs) open.add(id)
      return work(jobs)
    }
  }
  return { queue: { ...queue, add: noting(queue.add), rerun: noting(queue.rerun) }, open, due }
}
