import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { startApp } from '../app.ts'
import { readConfig } from '../config.ts'
import { createEvents, type Events } from '../events.ts'
import type { Log } from '../log.ts'
import { createMetrics } from '../metrics.ts'
import { ALLOWLIST } from './demo-cast.ts'
import type { World } from './world.ts'

/** The real service, on the embedded store in a folder of its own that goes when it stops. */
export interface DemoService {
  readonly webhookUrl: string
  readonly opsUrl: string
  readonly webhookSecret: string
  readonly opsToken: string
  /** Where files for the reader can be put. */
  readonly folder: string
  /** Posts a body as Kibana's connector does; answers the status. */
  post(body: string): Promise<number>
  stop(): Promise<void>
}

/** `telling` wraps the events by which the service reports. */
export async function startDemoService(
  world: World,
  log: Log,
  telling: (events: Events) => Events,
): Promise<DemoService> {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-demo-'))
  const remove = () => rm(folder, { recursive: true, force: true, maxRetries: 3 })
  const [webhookSecret, opsToken] = [randomBytes(9).toString('hex'), randomBytes(9).toString('hex')]
  try {
    const config = readConfig({
      ...world.environment(),
      KIBANA_URL: '',
      KIBANA_API_KEY: '',
      HOST: '127.0.0.1',
      PORT: '0',
      OPS_PORT: '0',
      WEBHOOK_SECRET: webhookSecret,
      OPS_TOKEN: opsToken,
      MODE: 'enforce',
      ALLOWLIST,
      STORE_URL: 'embedded',
      DATA_DIR: folder,
      PLAYBOOKS_DIR: resolve(import.meta.dirname, '../../playbooks'),
    })
    const metrics = createMetrics({ processMetrics: false })
    const app = await startApp({ config, events: telling(createEvents({ log, metrics })), metrics })
    const webhookUrl = String(app.webhookUrl)
    return {
      webhookUrl,
      opsUrl: app.opsUrl,
      webhookSecret,
      opsToken,
      folder,
      async post(body) {
        const headers = { authorization: `Bearer ${webhookSecret}`, 'content-type': 'application/json' }
        const answer = await fetch(webhookUrl, { method: 'POST', headers, body })
        await answer.arrayBuffer()
        return answer.status
      },
      async stop() {
        try {
          await app.stop()
        } finally {
          await remove()
        }
      },
    }
  } catch (error) {
    await remove()
    throw error
  }
}
