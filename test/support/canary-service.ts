import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { startServer } from '../../src/simulator/world-server.ts'
import { compiled } from './compiled.ts'
import { until } from './stores-jobs.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

/** `src/main.ts` as a process, with nothing in its environment but this; resolves at once. */
export function startMain(env: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, [MAIN], {
    env: { PATH: process.env.PATH ?? '', ...compiled(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
  const end = () => child.kill('SIGKILL')
  process.once('exit', end)
  // Once all that it said has been heard.
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  void ended.then(() => process.removeListener('exit', end))
  /** Resolves once it says so; rejects with all that it said. */
  async function says(words: RegExp): Promise<RegExpExecArray> {
    await until(() => words.test(said) || child.exitCode !== null, 60_000).catch(() => undefined)
    return words.exec(said) ?? assert.fail(`It never said ${words}:\n${said.slice(-6_000)}`)
  }
  return {
    output: () => said,
    ended,
    says,
    /** The URLs of its ports, once it has started. */
    async started(): Promise<{ webhook: string; ops: string }> {
      const url = async (port: string) => (await says(new RegExp(`\\b${port}"?[=:]"?(http[^\\s",]+)`)))[1] ?? ''
      return { webhook: await url('webhook'), ops: await url('ops') }
    },
    async stop() {
      child.kill('SIGTERM')
      await ended
    },
  }
}

/** Chats, monitors and whatever http steps call: takes everything, and keeps the bodies. */
export async function startOutside() {
  const bodies: string[] = []
  const server = await startServer({
    latencyMs: () => 0,
    rateLimited: () => ({ status: 429, body: {} }),
    handle({ body }) {
      bodies.push(body)
      return { status: 200, body: { ok: true } }
    },
  })
  return { ...server, bodies }
}

/** Everything in a Redis, as text. */
export async function dumpOf(url: string): Promise<string> {
  const redis = new Redis(url)
  const parts: string[] = []
  for (const key of await redis.keys('*')) {
    const type = await redis.type(key)
    const value =
      type === 'string'
        ? await redis.get(key)
        : type === 'hash'
          ? await redis.hgetall(key)
          : type === 'list'
            ? await redis.lrange(key, 0, -1)
            : type === 'set'
              ? await redis.smembers(key)
              : type === 'zset'
                ? await redis.zrange(key, '0', '-1')
                : await redis.xrange(key, '-', '+')
    parts.push(`${key}: ${JSON.stringify(value)}`)
  }
  redis.disconnect()
  return parts.join('\n')
}
