import { readFileSync } from 'node:fs'
import type { Store } from './adapters/store.ts'
import type { Pipeline } from './app-pipeline.ts'
import type { Readiness } from './app-ready.ts'
import type { Config } from './config.ts'
import type { Ban } from './core/ban.ts'
import type { EdgeState } from './core/edge-state.ts'
import { firstDuration } from './core/first-duration.ts'
import type { Playbook } from './core/playbook.ts'
import type { Events } from './events.ts'
import type { Metrics } from './metrics.ts'
import { createOps } from './ops/ops.ts'
import { OpsRefusal } from './ops/ops-refusal.ts'
import { buildStatus, type Status } from './ops/status.ts'
import { replay } from './pipeline/reopen.ts'
import type { Clock, Queue } from './ports.ts'
import { Refusal } from './receiver/refusal.ts'

export const VERSION: string = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version

/** The ops port, put together. */
export function createOpsApp(deps: {
  readonly config: Config
  readonly events: Events
  readonly metrics: Metrics
  readonly store: Store
  readonly queue: Queue & { board(): unknown }
  readonly pipeline: Pipeline
  readonly clock: Clock
  readonly readiness: Readiness
  readonly playbooks: () => readonly { readonly playbook: Playbook }[]
}) {
  const { config, events, metrics, store, queue, pipeline, clock } = deps
  const { records } = store
  const { friends, allowed, pausing, wake, given, listed } = pipeline
  const startedAt = clock.now()
  const playbooks = () =>
    deps.playbooks().map(({ playbook: { file, name, mode, enabled } }) => ({ file, name, mode, enabled }))

  async function status(): Promise<Status> {
    const [states, bans, jobs] = await Promise.all([
      records.all<EdgeState>('edges'),
      records.all<Ban>('bans'),
      queue.counts(),
    ])
    return buildStatus({
      version: VERSION,
      mode: config.mode,
      store: store.kind,
      startedAt,
      now: clock.now(),
      edges: pipeline.settler.edges,
      states: new Map(states.map(({ id, doc }) => [id, doc])),
      bans: bans.map(({ doc }) => doc),
      queue: jobs,
      lastPasses: pipeline.settler.last(),
      degraded: pipeline.health.degraded(),
      playbooks: playbooks(),
      wouldAdopt: pipeline.wouldAdopt(),
      paused: await pausing.read(),
    })
  }

  return createOps({
    tokens: config.opsTokens,
    readTokens: config.opsReadTokens,
    version: VERSION,
    mode: config.mode,
    metrics,
    records,
    board: queue.board(),
    storeReady: deps.readiness.ready,
    degraded: pipeline.health.degraded,
    status,
    settle: pipeline.settler.settle,
    replay: (alertIds, by) => replay({ queue, clock }, alertIds, by),
    resume: pipeline.resume,
    playbooks,
    byHand: {
      ...{ friends, allowed, pausing, wake, given, listed },
      releaseForMs: config.releaseForMs,
      offenceMemoryMs: config.offenceMemoryMs,
      historyForMs: config.historyForMs,
      firstDuration: () => firstDuration(deps.playbooks().map(({ playbook }) => playbook)),
      explain: (body) => pipeline.explain(body).catch(refuseUnread),
    },
    events,
  })
}

/** What is wrong with a body is for who asked, as it would be for who sends it. */
function refuseUnread(error: unknown): never {
  if (error instanceof Refusal) throw new OpsRefusal(400, error.message)
  throw error
}
