/* The service as a process that dies by its own hand, at a named point, when its parent has asked for it. */
import { writeSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { systemClock } from '../../src/adapters/clock.ts'
import type { Store } from '../../src/adapters/store.ts'
import { startApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { createEvents } from '../../src/events.ts'
import { createLog } from '../../src/log.ts'
import { createMetrics } from '../../src/metrics.ts'
import { COLLECTIONS, type Collection, type Job, type Queue, type Records } from '../../src/ports.ts'
import type { FromChild, Ledger, Settings, ToChild } from './crash-life.ts'
import { attemptsOf, POINTS, type Point, type StoreCall } from './crash-points.ts'

const settings = JSON.parse(process.argv[2] ?? '') as Settings
let { ahead } = settings
let armed: Point | null = settings.armed ?? null
let jobs = Promise.withResolvers<void>()
jobs.resolve()
const seen = new Set<string>()
let opened: { records: Records; queue: Queue } | null = null

const log = createLog({ level: 'info', format: 'pretty', secrets: [], colour: false, stream: process.stderr })
const metrics = createMetrics({ processMetrics: false })
const app = await startApp({
  config: { ...readConfig(settings.env), ...settings.place },
  events: createEvents({ log, metrics }),
  metrics,
  clock: { now: () => new Date(Date.now() + ahead), sleep: systemClock.sleep },
  ...(settings.gently ? {} : { rate: { burst: 1000, perSecond: 1000 } }),
  wrapStore: mined,
})
process.on('disconnect', () => process.exit(0))
process.on('message', (message) => {
  void obey(message as ToChild).then((answer) => tell({ kind: 'done', answer }))
})
// It will have no other chance to.
flushCompileCache()
tell({ kind: 'started', webhookUrl: app.webhookUrl ?? '', opsUrl: app.opsUrl })

async function obey(message: ToChild): Promise<Ledger | null> {
  switch (message.kind) {
    case 'arm':
      jobs = Promise.withResolvers()
      armed = message.point
      return null
    case 'begin':
      jobs.resolve()
      return null
    case 'tick':
      ahead = message.ahead
      await app.tick()
      return null
    case 'jobs':
      return ledger([])
    case 'ledger':
      return ledger(COLLECTIONS)
  }
}

function tell(message: FromChild): void {
  process.send?.(message)
}

async function ledger(collections: readonly Collection[]): Promise<Ledger> {
  if (opened === null) throw new Error('The store is not open')
  const { records, queue } = opened
  const all = await Promise.all(collections.map(async (name) => [name, await records.all(name)] as const))
  return {
    records: Object.fromEntries(
      all.map(([name, found]) => [name, Object.fromEntries(found.map((r) => [r.id, r.doc]))]),
    ) as Ledger['records'],
    jobs: await queue.counts(),
  }
}

/** The store with a mine in each call. */
function mined(store: Store): Store {
  const { records } = store
  const commit: Records['commit'] = (change) => passing({ port: 'commit', change }, () => records.commit(change))
  return {
    ...store,
    records: { ...records, commit },
    createQueue(options) {
      const queue = store.createQueue({ ...options, ...settings.haste })
      opened = { records, queue }
      return {
        ...queue,
        add: (added) => passing({ port: 'enqueue', ids: added.map(({ id }) => id) }, () => queue.add(added)),
        work: (run) =>
          queue.work(async (job) => {
            await jobs.promise
            const ran = await run(minedJob(job))
            await passing({ port: 'ran' }, async () => {})
            return ran
          }),
      }
    },
  }
}

function minedJob(job: Job): Job {
  return {
    id: job.id,
    attempts: job.attempts,
    get data() {
      return job.data
    },
    save: (data) =>
      passing({ port: 'save', data }, async () => {
        await job.save(data)
        // Told at once: the process may die in the next moment.
        if ('tell' in data.checkpoints) writeSync(1, `recorded ${job.id}\n`)
      }),
  }
}

async function passing<T>(call: StoreCall, work: () => Promise<T>): Promise<T> {
  const isThere = armed !== null && POINTS[armed.at](call, seen)
  for (const { id } of attemptsOf(call)) seen.add(id)
  if (!isThere) return work()
  if (armed?.when === 'before') die()
  const answer = work()
  if (armed?.when === 'during') {
    setImmediate(die)
    return new Promise(() => {})
  }
  // A commit that lost a race has written nothing.
  if ((await answer) !== false) die()
  return answer
}

function die(): void {
  process.kill(process.pid, 'SIGKILL')
}
