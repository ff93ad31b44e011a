import type { Config } from '../config.ts'
import { messageOf } from '../errors.ts'
import { checkAccessLogs } from './check-access-logs.ts'
import { bad, type Finding, good, note, warn } from './check-finding.ts'
import { createElasticsearchClient, probe } from './elasticsearch.ts'
import { createKibanaSiem } from './kibana.ts'

/** Tries the keys on every space: what they may do, and whether it has alerts. Nothing is changed. */
export async function* checkElastic(config: Pick<Config, 'elastic' | 'proxy'>): AsyncGenerator<Finding> {
  const { elasticsearch, kibana } = config.elastic
  if (elasticsearch === null && kibana === null) {
    yield warn('elastic', 'neither ELASTICSEARCH_URL nor KIBANA_URL is set: alerts are never acknowledged')
    return
  }
  if (elasticsearch !== null) yield* checkElasticsearch(config, elasticsearch, kibana === null)
  else yield note('access logs', 'were not looked at: Elasticsearch alone shows them, and ELASTICSEARCH_URL is not set')
  if (kibana !== null) yield* checkKibana(config, kibana)
}

type Service = NonNullable<Config['elastic']['elasticsearch']>

async function* checkElasticsearch(
  { elastic, proxy }: Pick<Config, 'elastic' | 'proxy'>,
  service: Service,
  writes: boolean,
): AsyncGenerator<Finding> {
  const { caFile, spaces } = elastic
  const privileges = writes ? ['read', 'write', 'maintenance'] : ['read']
  try {
    const client = createElasticsearchClient({
      ...service,
      caFile,
      spaces,
      proxy,
      timeoutMs: 10_000,
    })
    for (const space of spaces) yield await trySpace('elasticsearch', space, () => probe(client, [space], privileges))
    yield* checkAccessLogs(client)
    await client.close()
  } catch (error) {
    yield bad('elasticsearch', messageOf(error))
  }
}

async function* checkKibana({ elastic }: Pick<Config, 'elastic'>, service: Service): AsyncGenerator<Finding> {
  const { caFile, spaces } = elastic
  for (const space of spaces) {
    yield await trySpace('kibana', space, () =>
      createKibanaSiem({ ...service, caFile, spaces: [space], reader: null, timeoutMs: 10_000 }).probe(),
    )
  }
}

async function trySpace(what: string, space: string, attempt: () => Promise<void>): Promise<Finding> {
  try {
    await attempt()
    return good(
      what,
      `reads the alerts of the space ${space}${what === 'elasticsearch' ? ', and may do its work there' : ''}`,
    )
  } catch (error) {
    return bad(what, `space ${space}: ${messageOf(error)}`)
  }
}
