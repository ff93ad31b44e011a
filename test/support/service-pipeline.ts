import { parsePlaybook } from '../../src/adapters/yaml-playbook.ts'
import { createPipeline, type Pipeline } from '../../src/app-pipeline.ts'
import { readConfig } from '../../src/config.ts'
import type { Alert } from '../../src/core/alert.ts'
import type { Ban } from '../../src/core/ban.ts'
import type { AlertRecord } from '../../src/core/outcome.ts'
import { createEvents } from '../../src/events.ts'
import { type Log, silentLog } from '../../src/log.ts'
import { createMetrics } from '../../src/metrics.ts'
import type { Change, Mark, Marked, Records, Siem } from '../../src/ports.ts'
import { type FakeEdge, fakeEdge } from './fake-edge.ts'
import { memoryRecords } from './memory-records.ts'
import { type MemoryQueue, memoryQueue } from './service-queue.ts'
import { blocking } from './service-stage.ts'
import { SETTINGS } from './settings.ts'

/** The whole pipeline over a world in memory, where a test moves the clock, runs the jobs and breaks what it likes. */
export interface PipelineWorld {
  readonly pipeline: Pipeline
  readonly records: Records
  readonly queue: MemoryQueue
  readonly edges: readonly FakeEdge[]
  readonly siem: FakeSiem
  readonly clock: { now(): Date; sleep(ms: number): Promise<void>; advance(ms: number): void }
  /** Called before each commit; what it throws the store throws, false is a lost race. */
  beforeCommit: (change: Change) => Promise<boolean | undefined>
  /** Delivers an alert that names this address; answers its id, which the delivery may choose. */
  deliver(address: string, changes?: Partial<Alert>): Promise<string>
  /** What happens every minute, with what it starts beside itself. */
  tick(): Promise<void>
  /** Whatever was begun in the background. */
  background(): Promise<void>
  record(id: string): Promise<AlertRecord | undefined>
  ban(address: string): Promise<Ban | undefined>
}

export interface FakeSiem extends Siem {
  readonly status: Map<string, string>
  readonly tags: Map<string, string>
  /** Called before each mark; what it throws Elastic throws. */
  before: (marks: readonly Mark[]) => Promise<void>
}

export function pipelineWorld(
  options: {
    readonly env?: Record<string, string>
    readonly playbook?: string
    readonly zones?: readonly string[]
    /** Where events are written; absent: nowhere. */
    readonly log?: Log
    /** The same store, queue and outside: a restart with other settings. */
    readonly after?: PipelineWorld
  } = {},
): PipelineWorld {
  let time = Date.parse('2026-03-01T00:00:00.000Z')
  const clock = options.after?.clock ?? {
    now: () => new Date(time),
    sleep: () => new Promise<void>((resolve) => setImmediate(resolve)),
    advance(ms: number) {
      time += ms
    },
  }
  const memory = options.after?.records ?? memoryRecords()
  const records: Records = {
    ...memory,
    async commit(change) {
      if ((await world.beforeCommit(change)) === false) return false
      return memory.commit(change)
    },
  }
  const queue = options.after?.queue ?? memoryQueue()
  const names = options.zones ?? ['shop']
  const edges = options.after?.edges ?? names.map((name) => fakeEdge(name, clock.now))
  const siem = options.after?.siem ?? fakeSiem()
  const text = options.playbook ?? blocking('1h')
  const files = [{ playbook: parsePlaybook(text, 'block.yaml'), text }]
  const pipeline = createPipeline({
    config: readConfig({ ...REQUIRED, HTTP_PRIVATE_TARGETS: '127.0.0.1', ...options.env }),
    events: createEvents({ log: options.log ?? silentLog, metrics: createMetrics({ processMetrics: false }) }),
    records,
    queue,
    clock,
    edges: edges.map((edge) => edge.port),
    siem,
    allowlist: { entries: () => NOBODY, unresolved: () => [], refresh: async () => [] },
    playbooks: () => files,
  })
  queue.work(pipeline.respond)
  let ids = 0
  const world: PipelineWorld = {
    pipeline,
    records,
    queue,
    edges,
    siem,
    clock,
    beforeCommit: async () => undefined,
    async deliver(address, changes = {}) {
      const id = changes.id ?? `alert-${String(++ids).padStart(16, '0')}`
      siem.status.set(id, siem.status.get(id) ?? 'open')
      await pipeline.intake.accept([{ ...alertAt(clock.now()), id, suspects: [address], ...changes }])
      return id
    },
    async tick() {
      const tick = pipeline.startTick()
      tick.stop()
      await tick.run()
      await world.background()
    },
    async background() {
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    },
    record: async (id) => (await memory.get<AlertRecord>('outcomes', [id])).get(id)?.doc,
    ban: async (address) => (await memory.get<Ban>('bans', [address])).get(address)?.doc,
  }
  return world
}

const NOBODY: readonly never[] = []

const REQUIRED = {
  ...SETTINGS,
  MAX_BANS_PER_HOUR: '100000',
}

function alertAt(time: Date): Omit<Alert, 'id' | 'suspects'> {
  return {
    index: '',
    space: 'default',
    rule: { id: 'rule-1', ruleId: 'rule-1', name: 'Potential Web Server Scanning', tags: [] },
    severity: 'high',
    time: time.toISOString(),
    run: 'scheduled',
    eventTime: true,
    evidence: {},
  }
}

/** Open alerts become acknowledged, and those with a tag of ours open again. */
function fakeSiem(): FakeSiem {
  const siem: FakeSiem = {
    status: new Map(),
    tags: new Map(),
    before: async () => {},
    async mark(marks) {
      await siem.before(marks)
      return new Map(marks.map((mark) => [mark.id, markOne(siem, mark)]))
    },
    async probe() {},
  }
  return siem
}

function markOne({ status, tags }: FakeSiem, mark: Mark): Marked {
  const now = status.get(mark.id)
  if (now === undefined) return 'unknown'
  const may =
    mark.status === null || mark.status === now || now === 'open' || (mark.status === 'open' && now === 'acknowledged')
  if (!may) return now === 'closed' ? 'closed' : 'changed'
  if (mark.status !== null) status.set(mark.id, mark.status)
  tags.set(mark.id, mark.tag)
  return 'done'
}
