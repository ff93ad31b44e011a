import { openAllowlist } from './adapters/allowlist.ts'
import { checkCloudflare } from './adapters/check-cloudflare.ts'
import { checkElastic } from './adapters/check-elastic.ts'
import { bad, type Finding, good, warn } from './adapters/check-finding.ts'
import { type AskRunning, checkStore } from './adapters/check-store.ts'
import { loadPlaybooks } from './adapters/playbook-files.ts'
import type { Config } from './config.ts'
import type { Problem } from './config-environment.ts'
import type { Playbook } from './core/playbook.ts'
import { neverMatching, unknownZones } from './core/playbook-match.ts'
import { messageOf } from './errors.ts'
import type { Records } from './ports.ts'

export type { Finding }

/** Tries every setting, in the order of a start, changing nothing outside. Each finding comes as soon as it is known. */
export async function* checkAll(given: {
  readonly config: Config
  readonly problems: readonly Problem[]
  /** About variables that have no effect. */
  readonly warnings: readonly string[]
  readonly askRunning: AskRunning
  readonly now: () => Date
}): AsyncGenerator<Finding> {
  const { config, problems } = given
  for (const { name, message } of problems) yield bad('settings', `${name} ${message}`)
  if (problems.length === 0) yield good('settings', 'can be read, all of them')
  for (const warning of given.warnings) yield warn('settings', warning)
  yield* checkMode(config)
  yield* checkPorts(config)
  yield* checkStore(config, given.askRunning)
  yield* checkCloudflare(config.cloudflare, given.now)
  yield* checkElastic(config)
  yield* checkPlaybooks(config)
  yield* checkNeeds(config)
  yield* checkAllowlist(config)
}

/** The playbooks alone: every mistake with its place, their order, and those that are never asked. Zones only where some are set. */
export async function* checkPlaybooks({
  playbooksDir,
  cloudflare,
}: Pick<Config, 'playbooksDir'> & {
  readonly cloudflare: Pick<Config['cloudflare'], 'zones'>
}): AsyncGenerator<Finding> {
  let playbooks: readonly Playbook[]
  try {
    playbooks = (await loadPlaybooks(playbooksDir)).map(({ playbook }) => playbook)
  } catch (error) {
    yield bad('playbooks', messageOf(error))
    return
  }
  for (const { file, name, mode, enabled } of playbooks)
    yield good(
      'playbook',
      `${file}  ${name}${enabled ? (mode === 'observe' ? ' (observes only)' : '') : ' (switched off)'}`,
    )
  for (const file of neverMatching(playbooks))
    yield warn('playbook', `${file} is never asked: one before it, by file name, answers everything it would`)
  if (!playbooks.some(({ enabled }) => enabled)) yield warn('playbooks', 'all are switched off: no alert is answered')
  const zones = cloudflare.zones.map(({ name, id }) => name || id)
  for (const { file, step, zone } of zones.length === 0 ? [] : unknownZones(playbooks, zones))
    yield bad('playbook', `${file}: step ${step} names the zone ${zone}, which CLOUDFLARE_ZONE_ID does not`)
}

/** What the playbooks need of the other settings. */
async function* checkNeeds(config: Config): AsyncGenerator<Finding> {
  const files = await loadPlaybooks(config.playbooksDir).catch(() => [])
  const playbooks = files.map(({ playbook }) => playbook).filter(({ enabled }) => enabled)
  const { elasticsearch, kibana } = config.elastic
  const setting = playbooks.find(({ steps }) => steps.some(({ type }) => type === 'security.setAlertStatus'))
  if (setting !== undefined && elasticsearch === null && kibana === null)
    yield bad('playbook', `${setting.file} sets alert statuses: set ELASTICSEARCH_URL and ELASTICSEARCH_API_KEY`)
}

function* checkMode({ mode }: Config): Generator<Finding> {
  yield mode === 'enforce'
    ? good('mode', 'MODE=enforce: addresses are blocked')
    : good('mode', 'MODE=observe: everything is decided and shown, nothing new is blocked')
}

function* checkPorts({ opsHost, opsPort }: Config): Generator<Finding> {
  const near = opsHost === 'localhost' || opsHost === '::1' || opsHost.startsWith('127.')
  yield near
    ? good('ops port', `${opsHost}:${opsPort} is reached from this machine only`)
    : warn(
        'ops port',
        `OPS_HOST=${opsHost}: whoever reaches port ${opsPort} may try tokens. Inside a container that publishes it on 127.0.0.1 this is right`,
      )
}

/** Records that keep nothing: a check resolves names afresh. */
const NOTHING: Pick<Records, 'get' | 'commit'> = { get: async () => new Map(), commit: async () => true }

async function* checkAllowlist({ allowlist: given, cloudflare }: Config): AsyncGenerator<Finding> {
  if (given.length === 0) {
    yield warn('allowlist', 'ALLOWLIST is empty: put in your offices, your monitoring, your scanners, and `self`')
    return
  }
  const failed: Finding[] = []
  const allowlist = await openAllowlist({
    given,
    records: NOTHING as Records,
    traceUrl: new URL('/cdn-cgi/trace', cloudflare.apiUrl).href,
    onError: (name, error) => void failed.push(bad('allowlist', `${name} protects nobody: ${messageOf(error)}`)),
  })
  await allowlist.refresh()
  const names = Map.groupBy(allowlist.entries(), ({ note }) => note)
  for (const [name, entries] of names)
    yield good(
      'allowlist',
      name === 'ALLOWLIST'
        ? `${entries.length} given as they are`
        : `${name} is ${entries.map(({ text }) => text).join(', ')}`,
    )
  yield* failed
}
