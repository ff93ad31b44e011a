import { parseArgs } from 'node:util'
import { messageOf } from '../errors.ts'
import { type Cast, createCast } from './demo-cast.ts'
import { showEnding, showOpening } from './demo-ending.ts'
import { createPage } from './demo-page.ts'
import { playScenes, type Stage } from './demo-scenes.ts'
import { type DemoService, startDemoService } from './demo-service.ts'
import { playOn } from './demo-stay.ts'
import { createSeen, tellingEvents, troubleLog } from './demo-story.ts'
import { examine } from './demo-verdict.ts'
import { startWorld } from './world.ts'

// Whoever interrupts waits at most this long for the folder and the ports to be given back.
const CLEAN_UP_MS = 10_000

const { stay } = parseArgs({ options: { stay: { type: 'boolean', default: false } } }).values
const interrupted = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupted.abort())
// Whoever stops reading has not made the demo fail.
process.stdout.on('error', () => interrupted.abort())

const started = performance.now()
const page = createPage(process.stdout, () => performance.now() - started)
process.exitCode = await run()

/** Plays the story; answers the exit code. */
async function run(): Promise<number> {
  const world = await startWorld({ cloudflare: { latencyMs: 20 } })
  let service: DemoService | null = null
  try {
    const cast = createCast(world)
    const seen = createSeen()
    const before = world.zone.rules()
    showOpening(world, page)
    page.tell('Portcullis', 'starts, on an embedded store in a temporary folder')
    service = await startDemoService(world, troubleLog(page), (events) =>
      tellingEvents(events, page, seen, (id) => labelOf(cast, id)),
    )
    const stage: Stage = { world, service, page, cast, seen, signal: interrupted.signal }
    const played = await playScenes(stage)
    const checks = examine(stage, played, before)
    showEnding(stage, before, checks)
    if (stay) await playOn(stage)
    return checks.every(({ ok }) => ok) ? 0 : 1
  } catch (error) {
    if (interrupted.signal.aborted) return 130
    page.tell('trouble', messageOf(error), 'red')
    return 1
  } finally {
    setTimeout(() => process.exit(1), CLEAN_UP_MS).unref()
    await service?.stop()
    await world.close()
  }
}

function labelOf(cast: Cast, id: string): string {
  return cast.all.find((part) => part.id === id)?.label ?? 'your alert'
}
