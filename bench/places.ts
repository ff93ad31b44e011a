import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { openEmbedded } from '../src/adapters/store-embedded.ts'
import { findProgram, startRedis } from '../test/support/stores-servers.ts'

export type Kind = 'redis' | 'embedded'

/** Gives an empty store to every run. */
export interface Place {
  readonly kind: Kind
  /** What a service is told to find it; what an earlier run left is gone. */
  fresh(): Promise<Record<string, string>>
  close(): Promise<void>
}

/** null, after saying so, where this machine has no Redis. */
export async function openPlace(kind: Kind): Promise<Place | null> {
  if (kind === 'embedded') return openEmbeddedPlace()
  if (findProgram('redis-server')) return openRedisPlace()
  process.stderr.write('\nNOT MEASURED on Redis: redis-server is not installed.\n\n')
  return null
}

/** As docker-compose.yml sets it: appendonly yes, appendfsync always. */
async function openRedisPlace(): Promise<Place> {
  const server = await startRedis()
  const redis = new Redis(server.url)
  return {
    kind: 'redis',
    async fresh() {
      await redis.flushall()
      return { STORE_URL: server.url }
    },
    async close() {
      redis.disconnect()
      await server.stop()
    },
  }
}

/** The very first start makes the database, which takes seconds and much memory: that is done once, and copied. */
async function openEmbeddedPlace(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-bench-'))
  const template = join(folder, 'template')
  const { close } = await openEmbedded(template, (error) => process.stderr.write(`${error.message}\n`))
  await close()
  let runs = 0
  return {
    kind: 'embedded',
    async fresh() {
      if (runs > 0) await rm(join(folder, String(runs)), { recursive: true, force: true })
      runs++
      const dataDir = join(folder, String(runs))
      await cp(template, dataDir, { recursive: true })
      return { STORE_URL: 'embedded', DATA_DIR: dataDir }
    },
    close: () => rm(folder, { recursive: true, force: true }),
  }
}
