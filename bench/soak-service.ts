import { Pool } from 'undici'
import { type Child, freePort, startChild } from './child.ts'
import type { ProbeCalls } from './soak-probe.ts'

const SECRET = 'a-webhook-secret-for-the-soak'
const TOKEN = 'an-operators-token-for-the-soak'
// With 100,000 jobs before it, and a machine that does other things.
const START_WITHIN_MS = 300_000

/** The service in a process of its own, watched from within. */
export interface Watched {
  readonly probe: Child<ProbeCalls>
  /** From the start of the process to its first answer, ms. */
  readonly startMs: number
  /** Posts one body; resolves with the answer's status and headers. */
  post(body: string): Promise<{ status: number; headers: Record<string, unknown> }>
  /** Asks the ops port; resolves with the text. */
  ops(path: string): Promise<string>
  /** As a power cut does. */
  kill(): Promise<void>
}

export async function startWatched(env: Readonly<Record<string, string>>): Promise<Watched> {
  const [port, opsPort] = [await freePort(), await freePort()]
  const begun = performance.now()
  const { PATH = '', BENCH_PROFILE } = process.env
  const profile = BENCH_PROFILE ? ['--cpu-prof', `--cpu-prof-dir=${BENCH_PROFILE}`] : []
  const probe = await startChild<ProbeCalls>('../src/main.ts', [], {
    // As bin/portcullis starts it; what it starts itself has no channel to this process.
    execArgv: [
      ...['--expose-gc', '--max-semi-space-size=8', ...profile],
      ...['--import', new URL('./soak-probe.ts', import.meta.url).href],
    ],
    env: {
      PATH,
      MALLOC_ARENA_MAX: '1',
      KIBANA_URL: '',
      KIBANA_API_KEY: '',
      HOST: '127.0.0.1',
      PORT: String(port),
      OPS_PORT: String(opsPort),
      WEBHOOK_SECRET: SECRET,
      OPS_TOKEN: TOKEN,
      MODE: 'enforce',
      ALLOWLIST: '192.0.2.250',
      MAX_BANS_PER_HOUR: '1000000',
      ...env,
    },
    stdio: ['ignore', process.env.BENCH_LOG ? 'inherit' : 'ignore', 'inherit', 'ipc'],
  })
  const webhooks = new Pool(`http://127.0.0.1:${port}`, { connections: 100 })
  const ops = new Pool(`http://127.0.0.1:${opsPort}`, { headersTimeout: 600_000, bodyTimeout: 600_000 })
  const headers = { authorization: `Bearer ${SECRET}`, 'content-type': 'application/json' }
  await listening(webhooks)
  return {
    probe,
    startMs: performance.now() - begun,
    async post(body) {
      const answer = await webhooks.request({ path: '/webhooks/elastic', method: 'POST', headers, body })
      await answer.body.dump()
      return { status: answer.statusCode, headers: answer.headers }
    },
    async ops(path) {
      const answer = await ops.request({ path, method: 'GET', headers: { authorization: `Bearer ${TOKEN}` } })
      const text = await answer.body.text()
      if (answer.statusCode !== 200) throw new Error(`${path} answered ${answer.statusCode}: ${text.slice(0, 200)}`)
      return text
    },
    async kill() {
      await Promise.all([webhooks.destroy(), ops.destroy()])
      if (BENCH_PROFILE) await probe.call('exit').catch(() => undefined)
      await probe.stop()
    },
  }
}

async function listening(pool: Pool): Promise<void> {
  for (const end = Date.now() + START_WITHIN_MS; ; ) {
    const ready = await pool.request({ path: '/healthz', method: 'GET' }).then(
      async ({ body, statusCode }) => {
        await body.dump()
        return statusCode === 200
      },
      () => false,
    )
    if (ready) return
    if (Date.now() > end) throw new Error(`the service did not listen within ${START_WITHIN_MS} ms`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
