import { loadPlaybooks, type PlaybookFile, watchPlaybooks } from './adapters/playbook-files.ts'
import type { Config } from './config.ts'
import { neverMatching, unknownZones } from './core/playbook-match.ts'
import { messageOf } from './errors.ts'
import type { Events } from './events.ts'
import type { Health } from './pipeline/health.ts'

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

/**
 * Keeps up with the files of PLAYBOOKS_DIR. What is broken, or names a zone that nobody configured, leaves in force what was,
 * and stands in `degraded` until it is mended.
 */
export function followPlaybooks(
  config: Config,
  deps: {
    readonly events: Events
    readonly health: Pick<Health, 'refused' | 'works'>
    readonly initial: readonly PlaybookFile[]
    readonly onChange: (files: readonly PlaybookFile[]) => void
  },
): { close(): void } {
  const { events, health } = deps
  const dir = config.playbooksDir
  const broken = new Map<string, string>()
  const say = () => (broken.size === 0 ? health.works(PART) : health.refused(PART, [...broken.values()].join('; ')))
  const refuse = (file: string, error: Error, kept: boolean) => {
    events.playbookBroken({ file, error, kept })
    const [first = '', ...more] = messageOf(error).split('\n')
    const rest = more.length === 0 ? '' : ` (and ${more.length} more)`
    broken.set(file, `${first}${rest}; ${kept ? 'what was before stays in force' : 'the file is not in force'}`)
    say()
  }
  const mend = (file: string) => {
    if (broken.delete(file)) say()
  }
  return watchPlaybooks(
    dir,
    deps.initial,
    (files) => {
      const strange = strangeZones(files, config)
      if (strange !== null) return refuse(ZONES, new Error(strange), true)
      mend(ZONES)
      deps.onChange(files)
      reportPlaybooks(files, events)
    },
    refuse,
    { onMended: mend },
  )
}

const PART = 'playbooks'
const ZONES = 'the folder of the playbooks'

/** Which playbooks block on zones that nobody configured, for people; null: none. */
function strangeZones(files: readonly PlaybookFile[], { cloudflare }: Config): string | null {
  const names = cloudflare.zones.map(({ name, id }) => name || id)
  const strange = unknownZones(
    files.map(({ playbook }) => playbook),
    names,
  )
  if (strange.length === 0) return null
  const lines = strange.map(({ file, step, zone }) => `  ${file}: step ${step} names the zone ${zone}`)
  return [`Playbooks name zones that CLOUDFLARE_ZONE_ID does not (${names.join(', ')}):`, ...lines].join('\n')
}

function reportPlaybooks(files: readonly PlaybookFile[], events: Events): void {
  const playbooks = files.map(({ playbook }) => playbook)
  events.playbooksLoaded({ files: files.length, order: playbooks.map((p) => p.file), never: neverMatching(playbooks) })
}
