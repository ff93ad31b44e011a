import { setTimeout as sleep } from 'node:timers/promises'
import type { Rule } from '../ports.ts'
import { BY_HAND, type Cast, CHANGED_BY_HAND, type Part } from './demo-cast.ts'
import type { Page } from './demo-page.ts'
import type { DemoService } from './demo-service.ts'
import type { Seen } from './demo-story.ts'
import type { World } from './world.ts'

export interface Stage {
  readonly world: World
  readonly service: DemoService
  readonly page: Page
  readonly cast: Cast
  readonly seen: Seen
  /** Aborted when the reader has seen enough. */
  readonly signal: AbortSignal
}

/** What the scenes leave for the verdict. */
export interface Played {
  /** The rules as the colleague left them, and the version that this made. */
  readonly byHand: { readonly rules: readonly Rule[]; readonly version: number }
  /** Seconds that Cloudflare asked for in its 429. */
  readonly retryAfter: number
}

const RULES = { path: '/rulesets/' } as const
// Long enough for a busy machine; a scene takes a second, or three where Cloudflare says wait.
const SCENE_MS = 20_000
const RETRY_AFTER = 2

/** Plays the story, scene by scene, each to its end. Throws when something that must happen does not. */
export async function playScenes(stage: Stage): Promise<Played> {
  const { page, cast } = stage
  await until(stage, 'the first look at the rule', () => stage.seen.adopted.length > 0)

  page.heading('1. A scanner trips two detection rules at once')
  await deliver(stage, cast.scan[0], cast.scan[1])
  await concluded(stage, cast.scan)

  page.heading('2. Kibana sends one of them again, as it does when an answer got lost')
  await deliver(stage, cast.scan[0])

  page.heading('3. Four alerts that must not block anybody, in one delivery')
  await post(stage, cast.friends)
  await concluded(stage, cast.friends)

  page.heading('4. A colleague edits the rules in the moment in which Portcullis writes them')
  const byHand = await collide(stage)

  page.heading('5. Cloudflare has had enough calls')
  stage.world.cloudflare.faults.next({ method: 'GET', ...RULES }, { kind: 'rate-limit', retryAfter: RETRY_AFTER })
  await deliver(stage, cast.injection)
  await concluded(stage, [cast.injection])
  return { byHand, retryAfter: RETRY_AFTER }
}

async function collide(stage: Stage): Promise<Played['byHand']> {
  const { world, page, cast } = stage
  const gate = world.cloudflare.faults.hold({ method: 'PUT', ...RULES })
  try {
    await deliver(stage, cast.inclusion)
    let waits = false
    void gate.arrived.then(() => {
      waits = true
    })
    await until(stage, 'the write that the colleague gets ahead of', () => waits)
    page.tell('Portcullis', 'has read the rules and is sending them with its change')
    page.tell('a colleague', `gets ahead of it: switches “${CHANGED_BY_HAND}” on and adds ${BY_HAND} to our rule`)
    world.cloudflare.handEdit(world.zone, (rules) => rules.map(edited))
    const byHand = { rules: world.zone.rules(), version: world.zone.version() }
    gate.open()
    await concluded(stage, [cast.inclusion])
    return byHand
  } finally {
    gate.open()
  }
}

function edited(rule: Rule): Rule {
  if (rule.description === CHANGED_BY_HAND) return { ...rule, enabled: true }
  if (rule.description !== 'webserver scanning block') return rule
  return { ...rule, expression: `${rule.expression} or (ip.src eq ${BY_HAND})` }
}

/** Each alert in a delivery of its own, all at the same time. */
async function deliver(stage: Stage, ...parts: readonly Part[]): Promise<void> {
  await Promise.all(parts.map((part) => post(stage, [part])))
}

async function post({ world, service, page }: Stage, parts: readonly Part[]): Promise<void> {
  const ids = parts.map(({ id }) => id)
  const named = parts.map(({ label, source }) => `“${label}” (${source ?? 'no address'})`).join(', ')
  page.tell('Kibana', `sends ${parts.length === 1 ? 'the alert' : 'the alerts'} ${named}`)
  const status = await service.post(world.webhook(ids))
  if (status !== 202) throw new Error(`The webhook was answered ${status} where 202 was due`)
}

async function concluded(stage: Stage, parts: readonly Part[]): Promise<void> {
  const what = `the end of ${parts.map(({ label }) => label).join(', ')}`
  await until(stage, what, () => parts.every(({ id }) => stage.seen.concluded.has(id)))
}

async function until({ signal }: Pick<Stage, 'signal'>, what: string, condition: () => boolean): Promise<void> {
  for (const end = Date.now() + SCENE_MS; !condition(); ) {
    if (Date.now() > end) throw new Error(`The story stopped: ${what} did not come within ${SCENE_MS / 1000} s`)
    await sleep(10, undefined, { signal })
  }
}
