import { loadPlaybooks, type PlaybookFile } from './adapters/playbook-files.ts'
import type { Config } from './config.ts'
import { neverMatching, unknownZones } from './core/playbook-match.ts'
import type { Events } from './events.ts'

/** The playbooks of PLAYBOOKS_DIR. Throws when one is broken, or asks for what is not configured. */
export async function readPlaybooks(config: Config, events: Events): Promise<readonly PlaybookFile[]> {
  const files = await loadPlaybooks(config.playbooksDir)
  const playbooks = files.map(({ playbook }) => playbook)
  const strange = strangeZones(files, config)
  if (strange !== null) throw new Error(strange)
  const setsStatus = playbooks.some((p) => p.enabled && p.steps.some((s) => s.type === 'security.setAlertStatus'))
  if (setsStatus && config.elastic.elasticsearch === null && config.elastic.kibana === null) {
    throw new Error(
      'A playbook sets the alert status, but neither ELASTICSEARCH_URL and ELASTICSEARCH_API_KEY nor KIBANA_URL and KIBANA_API_KEY are set.',
    )
  }
  reportPlaybooks(files, events)
  return files
}

/** Which playbooks block on zones that nobody configured, for people; null: none. */
export function strangeZones(files: readonly PlaybookFile[], { cloudflare }: Config): string | null {
  const names = cloudflare.zones.map(({ name, id }) => name || id)
  const strange = unknownZones(
    files.map(({ playbook }) => playbook),
    names,
  )
  if (strange.length === 0) return null
  const lines = strange.map(({ file, step, zone }) => `  ${file}: step ${step} names the zone ${zone}`)
  return [`Playbooks name zones that CLOUDFLARE_ZONE_ID does not (${names.join(', ')}):`, ...lines].join('\n')
}

export function reportPlaybooks(files: readonly PlaybookFile[], events: Events): void {
  const playbooks = files.map(({ playbook }) => playbook)
  events.playbooksLoaded({ files: files.length, order: playbooks.map((p) => p.file), never: neverMatching(playbooks) })
}
