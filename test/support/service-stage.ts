import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import type { Rule } from '../../src/ports.ts'
import { startCloudflare } from '../../src/simulator/cloudflare.ts'
import { startWorld, type World, type WorldOptions } from '../../src/simulator/world.ts'
import { type Answer, type Seams, type Service, startService } from './service.ts'
import type { Place } from './stores.ts'
import { until } from './stores-jobs.ts'

export interface StageOptions {
  readonly world?: WorldOptions
  readonly env?: Record<string, string>
  readonly seams?: Seams
  /** Texts by file name; absent: the playbooks that are shipped. */
  readonly playbooks?: Readonly<Record<string, string>>
  /** Runs first; what it answers goes over the rest. */
  readonly prepare?: () => Promise<Pick<StageOptions, 'env' | 'playbooks'>>
}

/** One world with one service in it, for all tests of a suite: each takes addresses of its own. */
export interface Stage {
  readonly world: World
  readonly service: Service
  /** Stops the service and starts it on the same store, with these changes to its environment. */
  restart(env?: Record<string, string>): Promise<void>
  /** Puts an alert into the world and sends it; answers its id. */
  send(alert: Parameters<World['alerts']['add']>[0]): Promise<string>
  post(ids: readonly string[]): Promise<Answer>
  /** Waits until the alert stands so: its status, and the word of our tag where one is given. */
  becomes(id: string, status: string, tag?: string, withinMs?: number): Promise<void>
  /** The terms of our rule. */
  held(): string[]
  /** How often alerts were concluded so, since the last start: a moment after Elastic shows it. */
  concluded(outcome: string): Promise<number>
  /** How many jobs are in this state: a moment after they were concluded or parked. */
  jobs(state: string): Promise<number>
  /** The parts that refuse their work. */
  degraded(): Promise<string[]>
  readonly order: Service['order']
}

/** Registers the hooks that set the stage before the tests of this suite and clear it after them. */
export function stageFor(place: Place, options: StageOptions = {}): Stage {
  let world: World | null = null
  let service: Service | null = null
  let folder: string | null = null
  const env: Record<string, string> = { ...options.env }
  before(async () => {
    const prepared = await options.prepare?.()
    Object.assign(env, prepared?.env)
    const playbooks = prepared?.playbooks ?? options.playbooks
    if (playbooks) {
      folder = await playbookFolder(playbooks)
      env.PLAYBOOKS_DIR = folder
    }
    world = await startWorld(options.world)
    service = await startService(world, place.config(), env, options.seams)
  })
  after(async () => {
    try {
      await service?.stop()
    } finally {
      await world?.close()
      if (folder) await rm(folder, { recursive: true, force: true })
    }
  })
  const there = <T>(thing: T | null): T => {
    if (thing === null) throw new Error('The stage is set only while tests run')
    return thing
  }
  const stage: Stage = {
    get world() {
      return there(world)
    },
    get service() {
      return there(service)
    },
    async restart(changes = {}) {
      await stage.service.stop()
      service = null
      service = await startService(stage.world, place.config(), Object.assign(env, changes), options.seams)
    },
    async send(alert) {
      const id = stage.world.alerts.add(alert)
      const { status, body } = await stage.post([id])
      if (status !== 202) throw new Error(`The webhook answered ${status}: ${JSON.stringify(body)}`)
      return id
    },
    post: (ids) => stage.service.post(stage.world.webhook(ids)),
    becomes: (id, status, tag, withinMs) => becomes(stage.world, id, status, tag, withinMs),
    held: () => termsOf(stage.world),
    concluded: (outcome) => metric(stage.service, `portcullis_alerts_total{outcome="${outcome}"}`),
    jobs: (state) => metric(stage.service, `portcullis_queue_jobs{state="${state}"}`),
    async degraded() {
      const { degraded } = await stage.order('GET', '/readyz')
      return (degraded as { part: string }[]).map(({ part }) => part).sort()
    },
    order: (...given) => stage.service.order(...given),
  }
  return stage
}

/** The value of this series; 0 where there is none yet. */
async function metric({ metrics }: Service, series: string): Promise<number> {
  const line = (await metrics.text()).split('\n').find((each) => each.startsWith(`${series} `))
  return Number(line?.slice(series.length) ?? 0)
}

// Less than it takes until a job that nobody woke runs again, or one that was left behind is found.
const BECOMES_WITHIN_MS = 14_000

async function becomes(
  world: World,
  id: string,
  status: string,
  tag?: string,
  withinMs = BECOMES_WITHIN_MS,
): Promise<void> {
  const { alerts } = world
  try {
    await until(
      () => alerts.status(id) === status && (tag === undefined || alerts.tags(id).includes(`portcullis:${tag}`)),
      withinMs,
    )
  } catch {
    throw new Error(
      `Alert ${id} is ${alerts.status(id)} [${alerts.tags(id)}] and not ${status} [portcullis:${tag}] after ${withinMs} ms`,
    )
  }
}

export async function playbookFolder(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-playbooks-'))
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  return folder
}

export const OUR_RULE = 'webserver scanning block'

/** The addresses that our rule lists, whether or not it is switched on. */
export function termsOf(world: Pick<World, 'zone'>): string[] {
  return listedIn(world.zone.rules())
}

/** The addresses in the text of our rule among these, found without the parser that is under test. */
export function listedIn(rules: readonly Rule[]): string[] {
  const expression = String(rules.find((rule) => rule.description === OUR_RULE)?.expression ?? '')
  return expression.match(/(?<=[\s{])[0-9a-f]*[.:][0-9a-f.:]*(\/\d+)?(?=[\s})])/gi) ?? []
}

/** Two zones of one account; the environment that makes them the service's edges, named one and two. */
export async function startTwoZones() {
  const ids = ['1'.repeat(32), '2'.repeat(32)]
  const cloudflare = await startCloudflare({ zones: ids.map((id, i) => ({ id, name: `zone-${i + 1}.example` })) })
  const env = {
    CLOUDFLARE_API_URL: cloudflare.url,
    CLOUDFLARE_API_TOKEN: cloudflare.token,
    CLOUDFLARE_ZONE_ID: `one=${ids[0]},two=${ids[1]}`,
  }
  return { cloudflare, env }
}

/** An address of its own for each number up to 10,000, all of the same length. */
export function addressOf(number: number): string {
  return `198.51.${101 + Math.floor(number / 100)}.${100 + (number % 100)}`
}

/** A playbook that blocks for this long and acknowledges; `rule`: only alerts of this one; `between`: YAML of steps in between. */
export function blocking(duration: string, options: { rule?: string; mode?: string; between?: string } = {}): string {
  return `version: "1"
name: Block
mode: ${options.mode ?? 'enforce'}
triggers:
  - type: alert
${options.rule === undefined ? '' : `    rules: ["${options.rule}"]`}
steps:
  - name: block
    type: cloudflare.block
    with: { duration: ${duration} }
${options.between ?? ''}
  - name: acknowledge
    type: security.setAlertStatus
    with: { status: acknowledged }
`
}
