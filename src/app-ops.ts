import { readFileSync } from 'node:fs'
import { systemClock } from './adapters/clock.ts'
import type { Store } from './adapters/store.ts'
import type { Pipeline } from './app-pipeline.ts'
import type { Config } from './config.ts'
import type { Ban } from './core/ban.ts'
import type { EdgeState } from './core/edge-state.ts'
import type { Playbook } from './core/playbook.ts'
import type { Events } from './events.ts'
import type { Metrics } from './metrics.ts'
import { createOps } from './ops/ops.ts'
import { buildStatus, type Status } from './ops/status.ts'
import { replay } from './pipeline/reopen.ts'
import type { Queue } from './ports.ts'

export const VERSION: string = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version

/** The ops port, put together. */
export function createOpsApp(deps: {
  readonly config: Config
  readonly events: Events
  readonly metrics: Metrics
  readonly store: Store
  readonly queue: Queue & { board(): unknown }
  readonly pipeline: Pipeline
  readonly playbooks: () => readonly { readonly playbook: Playbook }[]
}) {
  const { config, events, metrics, store, queue, pipeline } = deps
  const { records } = store
  const startedAt = systemClock.now()
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
      now: systemClock.now(),
      edges: pipeline.settler.edges,
      states: new Map(states.map(({ id, doc }) => [id, doc])),
      bans: bans.map(({ doc }) => doc),
      queue: jobs,
      lastPasses: pipeline.settler.last(),
      degraded: pipeline.health.degraded(),
      playbooks: playbooks(),
      wouldAdopt: pipeline.wouldAdopt(),
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
    storeReady: () =>
      records.ping().then(
        () => true,
        () => false,
      ),
    degraded: pipeline.health.degraded,
    status,
    settle: pipeline.settler.settle,
    replay: (alertId, by) => replay({ queue, clock: systemClock }, alertId, by),
    resume: pipeline.resume,
    playbooks,
    byHand: { friends: pipeline.friends, releaseForMs: config.releaseForMs },
    events,
  })
}
