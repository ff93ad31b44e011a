import { spawn } from 'node:child_process'
import { Pool } from 'undici'
import { type Child, ended, freePort, type Memory, memoryOf, startChild } from './child.ts'

const SECRET = 'a-webhook-secret-for-the-bench'

/** Something that takes webhooks, in a process of its own. */
export interface Contender {
  readonly name: string
  /** Posts one body; resolves with the status. */
  post(body: string): Promise<number>
  readonly memory: Memory
  stop(): Promise<void>
}

/**
 * The service as `npm start` starts it, with what `store` says of its store. `BENCH_PROFILE` names a folder for CPU
 * profiles of it, `BENCH_LOG=1` shows its log.
 */
export async function startService(world: Env, store: Env): Promise<Contender> {
  const port = await freePort()
  const profile = process.env.BENCH_PROFILE ? ['--cpu-prof', `--cpu-prof-dir=${process.env.BENCH_PROFILE}`] : []
  const child = spawn(process.execPath, [...profile, 'bin/portcullis', 'start'], {
    cwd: new URL('..', import.meta.url),
    env: { ...baseEnv(world, store), PORT: String(port), OPS_PORT: String(await freePort()) },
    stdio: ['ignore', process.env.BENCH_LOG ? 'inherit' : 'ignore', 'inherit'],
  })
  const origin = `http://127.0.0.1:${port}`
  await listening(`${origin}/healthz`, () => child.exitCode)
  const memory = memoryOf(child.pid ?? 0)
  return contender('portcullis', `${origin}/webhooks/elastic`, memory, () => ended(child, 'SIGTERM'))
}

/** The in-memory writer of floor.ts. */
export function startFloor(world: Env): Promise<Contender> {
  return startProgram('floor', './floor.ts', baseEnv(world, {}))
}

/** Express and BullMQ of bare.ts. */
export function startBare(store: Env): Promise<Contender> {
  return startProgram('bare', './bare.ts', baseEnv({}, store))
}

type Env = Readonly<Record<string, string>>

async function startProgram(name: string, program: string, env: NodeJS.ProcessEnv): Promise<Contender> {
  const child: Child<{ url(): string }> = await startChild(program, [], { env })
  return contender(name, await child.call('url'), child.memory, () => child.stop())
}

function contender(name: string, url: string, memory: Memory, stop: () => Promise<void>): Contender {
  const { origin, pathname: path } = new URL(url)
  const pool = new Pool(origin, { connections: 50 })
  const headers = { authorization: `Bearer ${SECRET}`, 'content-type': 'application/json' }
  return {
    name,
    async post(body) {
      const answer = await pool.request({ path, method: 'POST', headers, body })
      await answer.body.dump()
      return answer.statusCode
    },
    memory,
    async stop() {
      await pool.destroy()
      await stop()
    },
  }
}

function baseEnv(world: Env, store: Env): NodeJS.ProcessEnv {
  const { PATH = '', TMPDIR = '' } = process.env
  return {
    PATH,
    ...(TMPDIR === '' ? {} : { TMPDIR }),
    ...world,
    KIBANA_URL: '',
    KIBANA_API_KEY: '',
    HOST: '127.0.0.1',
    WEBHOOK_SECRET: SECRET,
    OPS_TOKEN: 'an-operators-token-for-the-bench',
    MODE: 'enforce',
    ALLOWLIST: '192.0.2.250',
    MAX_BANS_PER_HOUR: '100000',
    CLOUDFLARE_EXPRESSION_LIMIT: '100000',
    ...store,
  }
}

async function listening(url: string, exitCode: () => number | null): Promise<void> {
  for (;;) {
    const ok = await fetch(url).then(
      (answer) => answer.ok,
      () => false,
    )
    if (ok) return
    if (exitCode() !== null) throw new Error('the service ended before it listened')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
