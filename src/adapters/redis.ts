import { Redis, type RedisOptions } from 'ioredis'
import { messageOf, StoreError } from '../errors.ts'
import { deniedCommands } from './redis-permissions.ts'
import { inStore } from './store-attempt.ts'

/** One client that fails fast, for the ledger and for adding jobs; one that waits for ever, for the worker. */
export interface RedisClients {
  readonly producer: Redis
  readonly worker: Redis
  /** What about the server's settings may lose alerts, and what to change. */
  readonly warnings: readonly string[]
  close(): Promise<void>
}

/**
 * Connects to Redis, within 10 s, and looks at its settings.
 *
 * @throws StoreError when it cannot be reached, or refuses a command that is needed
 */
export async function connectRedis(url: string, onError: (error: Error) => void): Promise<RedisClients> {
  const producer = await connect(url, { ...COMMON, ...FAIL_FAST }, onError)
  try {
    await refuseLessThanWeNeed(producer, url)
    const worker = await connect(url, { ...COMMON, ...PATIENT }, onError)
    return {
      producer,
      worker,
      warnings: await inspect(producer),
      async close() {
        producer.disconnect()
        worker.disconnect()
      },
    }
  } catch (error) {
    producer.disconnect()
    throw error
  }
}

async function refuseLessThanWeNeed(redis: Redis, url: string): Promise<void> {
  const denied = await inStore('let us try its commands on the keys portcullis:*', () => deniedCommands(redis))
  if (denied.length === 0) return
  throw new StoreError(
    `Redis at ${place(url)} does not let this user run ${denied.join(', ')}. Allow what Portcullis needs: ACL SETUSER <user> ~portcullis:* +@all -@dangerous +info`,
  )
}

type Options = Omit<RedisOptions, 'replyMapping'>

const COMMON: Options = {
  lazyConnect: true,
  connectTimeout: 5000,
  keepAlive: 10_000,
  // A master that was demoted keeps its connections and refuses every write: the address leads to another server by now, or soon.
  reconnectOnError: ({ message }) => /\b(READONLY|MASTERDOWN)\b/.test(message),
  retryStrategy: (times) => Math.min(times * 100, 2000),
}

/**
 * A webhook is better answered 503 at once than held: its sender tries again. A connection that brings no answer for as long is
 * made anew: one that a firewall has forgotten, or whose far end is gone without a word, would stay silent for ever.
 */
const FAIL_FAST: Options = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  commandTimeout: 10_000,
  socketTimeout: 10_000,
}

/** Its blocking command waits up to 10 s for a job; no answer for longer than that is none. */
const PATIENT: Options = { maxRetriesPerRequest: null, socketTimeout: 15_000 }

async function connect(url: string, options: Options, onError: (error: Error) => void): Promise<Redis> {
  const client = new Redis(url, options)
  let cause: Error | null = null
  // Without a listener, an error event ends the process.
  client.on('error', (error: Error) => {
    cause = error
    onError(error)
  })
  try {
    await client.connect()
    return client
  } catch (error) {
    client.disconnect()
    throw new StoreError(`Redis at ${place(url)} ${whyUnusable(messageOf(cause ?? error))}. Look at STORE_URL.`, {
      cause: error,
    })
  }
}

function whyUnusable(why: string): string {
  if (why.startsWith('NOAUTH')) return 'wants a password'
  if (why.startsWith('WRONGPASS')) return 'refuses the user or the password'
  return `cannot be reached: ${why}`
}

/** Host and port only: a URL may hold a password. */
function place(url: string): string {
  try {
    return new URL(url).host
  } catch {
    return 'the given STORE_URL'
  }
}

/** Reads INFO rather than CONFIG, which hosted servers refuse. */
async function inspect(redis: Redis): Promise<string[]> {
  const info = await redis.info().catch(() => '')
  const policy = /^maxmemory_policy:(.*?)\r?$/m.exec(info)?.[1]
  const aof = /^aof_enabled:(\d)/m.exec(info)?.[1]
  const warnings: string[] = []
  if (policy === undefined || aof === undefined) {
    warnings.push(
      'Redis does not show its settings: see to it that maxmemory-policy is noeviction and appendonly is yes, or alerts can be lost.',
    )
  }
  if (policy !== undefined && policy !== 'noeviction') {
    warnings.push(
      `Redis may throw away alerts and bans when its memory is full (maxmemory-policy ${policy}): set maxmemory-policy noeviction.`,
    )
  }
  if (aof === '0') {
    warnings.push(
      'Redis loses accepted alerts and bans when it restarts (appendonly no): set appendonly yes, and appendfsync everysec or always.',
    )
  }
  return warnings
}
