import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { World } from '../../src/simulator/world.ts'
import { compiled } from './compiled.ts'
import { type Answer, environment, postTo } from './service.ts'
import type { StoreConfig } from './stores.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const PLAYBOOKS = fileURLToPath(new URL('../../playbooks', import.meta.url))
// The embedded store makes its cluster first, on a machine that may be busy.
const START_WITHIN_MS = 60_000

/** The service as a process of its own, to be killed. */
export interface ServiceProcess {
  readonly url: string
  /** The ops port's. */
  readonly opsUrl: string
  post(body: string): Promise<Answer>
  /** As a power cut does. */
  kill(): Promise<void>
  /** SIGSTOP and SIGCONT, say. */
  signal(name: NodeJS.Signals): void
  /** Sends SIGTERM; answers how it ended, and after how many milliseconds. */
  terminate(): Promise<{ code: number | null; ms: number }>
  output(): string
}

/** Starts `src/main.ts` and waits until it takes webhooks. */
export async function startProcess(
  world: World,
  { store, dataDir }: StoreConfig,
  env: Record<string, string> = {},
): Promise<ServiceProcess> {
  const child = spawn(process.execPath, [MAIN], {
    env: {
      PATH: process.env.PATH ?? '',
      ...compiled(),
      ...environment(world, { PLAYBOOKS_DIR: PLAYBOOKS, PORT: '0', OPS_PORT: '0' }),
      STORE_URL: store.kind === 'embedded' ? 'embedded' : store.url,
      ...(dataDir === '' ? {} : { DATA_DIR: dataDir }),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      said = `${said}${chunk.toString()}`.slice(-200_000)
    })
  const end = () => child.kill('SIGKILL')
  process.once('exit', end)
  // Once all that it said has been heard.
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  void ended.then(() => process.removeListener('exit', end))
  const { url, opsUrl } = await started(child, () => said)
  return {
    url,
    opsUrl,
    post: (body) => postTo(url, body),
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
    signal: (name) => void child.kill(name),
    async terminate() {
      const begun = Date.now()
      child.kill('SIGTERM')
      const code = await ended
      return { code, ms: Date.now() - begun }
    },
    output: () => said,
  }
}

/** The addresses that its line about the start names. */
async function started(child: ChildProcess, said: () => string): Promise<{ url: string; opsUrl: string }> {
  const end = Date.now() + START_WITHIN_MS
  for (;;) {
    const [url, opsUrl] = ['webhook', 'ops'].map((port) => new RegExp(`"${port}":"(http[^"]+)"`).exec(said())?.[1])
    if (url !== undefined && opsUrl !== undefined) return { url, opsUrl }
    const how = child.exitCode ?? child.signalCode ?? (Date.now() > end ? `it took ${START_WITHIN_MS} ms` : null)
    if (how !== null) {
      child.kill('SIGKILL')
      throw new Error(`The service did not start (${how}):\n${said()}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
