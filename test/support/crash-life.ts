import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Collection } from '../../src/ports.ts'
import { compiled } from './compiled.ts'
import type { Point } from './crash-points.ts'
import { type Answer, orderAt, postTo } from './service.ts'
import type { StoreConfig } from './stores.ts'

/** What a child is started with. */
export interface Settings {
  readonly env: Record<string, string>
  readonly place: StoreConfig
  /** By how much its clock is ahead of the system's, ms. */
  readonly ahead: number
  /** How soon the jobs of a dead process are taken up again; absent: as in production. */
  readonly haste?: { readonly lockDuration: number; readonly stalledInterval: number }
  /** Where it dies, from its start on; absent: nowhere before it is told. */
  readonly armed?: Point
  /** Cloudflare is called no faster than in production. */
  readonly gently?: boolean
}

export type ToChild =
  /** Dies at that point; its jobs wait until told to begin. */
  | { readonly kind: 'arm'; readonly point: Point | null }
  | { readonly kind: 'begin' }
  | { readonly kind: 'tick'; readonly ahead: number }
  /** `jobs`: their numbers alone. */
  | { readonly kind: 'ledger' | 'jobs' }

export type FromChild =
  | { readonly kind: 'started'; readonly webhookUrl: string; readonly opsUrl: string }
  | { readonly kind: 'done'; readonly answer: Ledger | null }

/** Everything that is stored: documents by collection and id, jobs by state. */
export interface Ledger {
  readonly records: Readonly<Record<Collection, Readonly<Record<string, unknown>>>>
  readonly jobs: Readonly<Record<string, number>>
}

/** One process, from its start to its death. */
export interface Life {
  post(body: string): Promise<Answer>
  /** An operator's order; throws when it is refused, or never answered. */
  order(method: string, path: string, body?: unknown): Promise<Record<string, unknown>>
  /** null when it died over it. */
  ask(message: ToChild): Promise<Ledger | null>
  isDead(): boolean
  /** Resolves when it is dead. */
  readonly dead: Promise<void>
  kill(): Promise<void>
  /** Ids of alerts whose http step's answer it had recorded. */
  recorded(): string[]
  /** Its log, the end of it. */
  log(): string
}

const CHILD = fileURLToPath(new URL('./crash-child.ts', import.meta.url))

/** Starts it and waits until it takes webhooks; null: it has died before, where it was armed to. */
export async function startLife(settings: Settings): Promise<Life | null> {
  const child = spawn(process.execPath, [CHILD, JSON.stringify(settings)], {
    env: { PATH: process.env.PATH ?? '', ...compiled() },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const [said, log] = [hear(child.stdout), hear(child.stderr)]
  let over = false
  // Once all that it said has been heard.
  const dead = once(child, 'close').then(() => {
    over = true
  })
  const last = () => child.kill('SIGKILL')
  process.once('exit', last)
  void dead.then(() => process.removeListener('exit', last))
  const started = await Promise.race([next(child, 'started'), dead])
  if (!started && settings.armed && child.signalCode === 'SIGKILL') return null
  if (!started) throw new Error(`The service did not start:\n${log()}`)
  let turn: Promise<unknown> = Promise.resolve()
  return {
    post: (body) => postTo(started.webhookUrl, body),
    order: (method, path, body) => orderAt(started.opsUrl, method, path, body),
    ask(message) {
      const mine = turn.then(async () => {
        if (!child.connected) return null
        // Whoever dies at this moment does not listen: that is said by its death.
        child.send(message, () => {})
        return (await Promise.race([next(child, 'done'), dead]))?.answer ?? null
      })
      turn = mine
      return mine
    },
    isDead: () => over,
    dead,
    async kill() {
      child.kill('SIGKILL')
      await dead
    },
    recorded: () => [...said().matchAll(/^recorded (\S+)$/gm)].map(([, id]) => id ?? ''),
    log,
  }
}

async function next<K extends FromChild['kind']>(
  child: ChildProcess,
  kind: K,
): Promise<Extract<FromChild, { kind: K }>> {
  for (;;) {
    const [message] = (await once(child, 'message')) as [FromChild]
    if (message.kind === kind) return message as Extract<FromChild, { kind: K }>
  }
}

function hear(stream: NodeJS.ReadableStream | null): () => string {
  let said = ''
  stream?.on('data', (chunk: Buffer) => {
    said = `${said}${chunk.toString()}`.slice(-100_000)
    if (process.env.PORTCULLIS_TEST_LOG !== undefined) process.stderr.write(chunk)
  })
  return () => said
}
