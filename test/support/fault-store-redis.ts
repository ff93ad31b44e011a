import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { type KeptPort, keepPort } from '../../src/simulator/kept-port.ts'
import { type Cell, startCell } from './fault-store-cell.ts'
import { layWire, type Wire } from './fault-store-wire.ts'
import { atEnd, type Ends } from './service.ts'
import type { StoreConfig } from './stores.ts'
import { findProgram, type Server, startRedis } from './stores-servers.ts'

/** For `skip`: these tests break their server, so it has to be one of their own. */
export const WITHOUT_REDIS = findProgram('redis-server') ? false : 'NOT TESTED: redis-server is not installed'

/** A Redis in a directory of its own, which outlives it. */
export interface OwnRedis {
  readonly url: string
  readonly port: number
  /** For orders to the server itself; reconnects by itself. */
  readonly admin: Redis
  /** Ends it as a pulled plug would. */
  kill(): Promise<void>
  /** Starts it again on the same port and directory, with further arguments. */
  start(...extra: string[]): Promise<void>
}

export async function ownRedis(t: Ends, extra: readonly string[] = []): Promise<OwnRedis> {
  const directory = await mkdtemp(join(tmpdir(), 'portcullis-fault-'))
  const first = await startRedis(directory, extra)
  // Whoever kills one that is just starting waits for its start.
  let server: Promise<Server | null> = Promise.resolve(first)
  const { url } = first
  const { port } = new URL(url)
  const admin = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 50 })
  admin.on('error', () => {})
  let kept: KeptPort | null = null
  const end = async () => {
    await (await server)?.kill()
    server = Promise.resolve(null)
  }
  const vacant = async () => {
    await kept?.leave()
    kept = null
  }
  atEnd(t, async () => {
    admin.disconnect()
    await vacant()
    await end()
    await rm(directory, { recursive: true, force: true })
  })
  return {
    url,
    port: Number(port),
    admin,
    async kill() {
      kept ??= await keepPort(Number(port), end)
    },
    async start(...more) {
      await vacant()
      const starting = startRedis(directory, ['--port', port, ...extra, ...more])
      server = starting.catch(() => null)
      await starting
    },
  }
}

export function redisAt(url: string): StoreConfig {
  return { store: { kind: 'redis', url }, dataDir: '' }
}

/** The service on a Redis of its own, at the other end of a wire. */
export async function redisCell(
  t: Ends,
  options: { readonly env?: Record<string, string>; readonly extra?: readonly string[] } = {},
): Promise<{ cell: Cell; redis: OwnRedis; wire: Wire }> {
  const redis = await ownRedis(t, options.extra)
  const wire = await layWire(redis.url)
  atEnd(t, () => wire.close())
  const cell = await startCell(t, redisAt(wire.url), options.env)
  return { cell, redis, wire }
}
