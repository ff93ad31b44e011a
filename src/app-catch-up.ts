import { createElasticsearchClient } from './adapters/elasticsearch.ts'
import { createElasticsearchOpen } from './adapters/elasticsearch-open.ts'
import { createKibanaOpen } from './adapters/kibana-open.ts'
import type { Config } from './config.ts'
import type { Playbook } from './core/playbook.ts'
import type { Events } from './events.ts'
import { type CatchUp, startCatchUp } from './pipeline/catch-up.ts'
import type { Health } from './pipeline/health.ts'
import type { Intake } from './pipeline/intake.ts'
import type { Clock, OpenAlerts, Queue, Records, Siem } from './ports.ts'

/** Catch-up, running; null where CATCH_UP_EVERY or the lack of an Elastic turns it off. */
export function createCatchUp(deps: {
  readonly config: Config
  readonly events: Events
  readonly records: Records
  readonly queue: Pick<Queue, 'counts'>
  readonly clock: Clock
  readonly siem: Siem | null
  readonly health: Health
  readonly intake: Intake
  readonly playbooks: () => readonly { readonly playbook: Playbook }[]
}): CatchUp | null {
  const { config, events, queue, health, siem } = deps
  const { everyMs, rules } = config.catchUp
  const source = openAlertsOf(config)
  if (everyMs === 0 || source === null || siem === null) {
    const without = 'neither ELASTICSEARCH_URL nor KIBANA_URL is set'
    if (everyMs > 0 && rules.length > 0) events.configWarning({ message: `catch-up is off: ${without}` })
    return null
  }
  const options = {
    ...{ source, siem, health, rules, records: deps.records, clock: deps.clock, playbooks: deps.playbooks },
    accept: deps.intake.accept,
    spaces: config.elastic.spaces,
    maxAlertAgeMs: config.maxAlertAgeMs,
    observing: config.mode === 'observe',
    async hasRoom() {
      const { waiting = 0, delayed = 0, active = 0 } = await queue.counts()
      return waiting + delayed + active < config.queueLimit
    },
    onOff(reason: string) {
      // Without a receiver nothing else brings alerts: that must be seen.
      if (config.receiver) events.configWarning({ message: `catch-up is off: ${reason}` })
      else health.refused('catch-up', reason)
    },
  }
  const catchUp = startCatchUp(options, everyMs)
  void catchUp.run()
  return catchUp
}

/** Elasticsearch reads where it is set: it has points in time. */
function openAlertsOf({ elastic, proxy }: Config): OpenAlerts | null {
  const { elasticsearch, kibana, caFile, spaces } = elastic
  const common = { caFile, spaces, proxy }
  if (elasticsearch !== null) return createElasticsearchOpen(createElasticsearchClient({ ...common, ...elasticsearch }))
  return kibana === null ? null : createKibanaOpen({ ...common, ...kibana })
}
