import { startApp } from './app.ts'
import { type Config, processEnvironment, readConfig } from './config.ts'
import { secretsOf } from './config-secrets.ts'
import { configWarnings } from './config-warnings.ts'
import { messageOf } from './errors.ts'
import { createEvents } from './events.ts'
import { createLog, type LogLevel } from './log.ts'
import { createMetrics } from './metrics.ts'

// What is in flight gets 8 s; whoever stops us kills us after 10.
const STOP_WITHIN_MS = 8_000

await run()

async function run(): Promise<void> {
  const env = processEnvironment()
  const config = read(env)
  if (config === null) return
  const log = createLog({
    level: config.logLevel as LogLevel,
    format: config.logFormat,
    secrets: secretsOf(config),
    colour: Boolean(process.stdout.isTTY) && !config.noColour,
    stream: process.stdout,
  })
  const metrics = createMetrics()
  const events = createEvents({ log, metrics })
  for (const message of configWarnings(env)) events.configWarning({ message })
  try {
    const app = await startApp({ config, events, metrics })
    const stop = () => {
      events.stopping()
      setTimeout(() => process.exit(0), STOP_WITHIN_MS).unref()
      void app.stop().then(
        () => {
          events.stopped()
          process.exit(0)
        },
        (error) => {
          events.failed({ what: 'stopping', error })
          process.exit(1)
        },
      )
    }
    process.once('SIGTERM', stop)
    process.once('SIGINT', stop)
    giveBack()
  } catch (error) {
    process.stderr.write(`Portcullis cannot start: ${messageOf(error)}\n`)
    process.exitCode = 1
    setTimeout(() => process.exit(1), 1_000).unref()
  }
}

/** Loading leaves some 40 MB of rubbish that is never given back in a quiet hour; bin/portcullis lets us ask for it. */
function giveBack(): void {
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' })
}

function read(env: NodeJS.ProcessEnv): Config | null {
  try {
    return readConfig(env)
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`)
    process.exitCode = 1
    return null
  }
}
