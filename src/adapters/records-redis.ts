import type { Redis } from 'ioredis'
import { type Change, COLLECTIONS, type Collection, type Records, type Stored } from '../ports.ts'
import { mapInTurns, parseDoc, readId, writeId } from './records-format.ts'
import { shareReads } from './records-reads.ts'
import { checkSchema, inStore } from './store-attempt.ts'

/**
 * The ledger's records in Redis: one hash per collection (`rev:json`), a sorted set of ends, for `history` one of its ids.
 * The client stays its owner's.
 *
 * @throws StoreError when the keys were written by a newer Portcullis
 */
export async function openRedisRecords(redis: Redis): Promise<Records> {
  await inStore('prepare', () => prepare(redis))
  const reads = new Map(COLLECTIONS.map((collection) => [collection, shareReads((ids) => values(collection, ids))]))

  async function values(collection: Collection, ids: readonly string[]): Promise<{ id: string; value: string }[]> {
    const found = await inStore(`read ${collection}`, () => redis.hmget(key(collection), ...ids))
    return ids.flatMap((id, at) => {
      const value = found[at]
      return value === null || value === undefined ? [] : [{ id, value }]
    })
  }

  return {
    async get<T>(collection: Collection, ids: readonly string[]) {
      if (ids.length === 0) return new Map<string, Stored<T>>()
      const found = (await reads.get(collection)?.(ids.map(writeId))) ?? []
      return new Map(
        found
          .flatMap(({ id, value }) => stored<T>(collection, readId(id), value))
          .map((record) => [record.id, record] as const),
      )
    },
    async all<T>(collection: Collection) {
      if (LONG.includes(collection)) return pageByPage<T>(redis, collection)
      const found = await inStore(`read ${collection}`, () => redis.hgetall(key(collection)))
      return (await mapInTurns(Object.entries(found), ([id, value]) => stored<T>(collection, readId(id), value))).flat()
    },
    async count(collection) {
      return inStore(`count ${collection}`, () => redis.hlen(key(collection)))
    },
    async recent<T>(collection: 'history', options: { before?: string; limit: number }) {
      const from = options.before === undefined ? '+' : `(${writeId(options.before)}`
      return inStore(`read ${collection}`, async () => {
        const ids = await redis.zrevrangebylex(`${PREFIX}ids:${collection}`, from, '-', 'LIMIT', 0, options.limit)
        if (ids.length === 0) return []
        const values = await redis.hmget(key(collection), ...ids)
        return ids.flatMap((id, at) => stored<T>(collection, readId(id), values[at]))
      })
    },
    async commit(change) {
      return inStore('write records', async () => (await redis.eval(COMMIT, 0, PREFIX, ...parameters(change))) === 1)
    },
    async purge(now) {
      return inStore('purge records', async () => {
        let purged = 0
        for (const collection of COLLECTIONS) {
          let gone = 0
          do {
            gone = Number(await redis.eval(PURGE, 0, PREFIX, collection, now.getTime(), PURGE_AT_ONCE))
            purged += gone
          } while (gone === PURGE_AT_ONCE)
        }
        return purged
      })
    },
    async ping() {
      await inStore('answer', () => redis.ping())
    },
    async close() {},
  }
}

/** These may hold a hundred thousand records, and nobody needs all of them as of one moment. */
const LONG: readonly Collection[] = ['outcomes', 'offences', 'history', 'parked']
const PAGE = 1000

/** What stands there from the first page to the last is in it; the answer to HGETALL would take some tenths of a second at once. */
async function pageByPage<T>(redis: Redis, collection: Collection): Promise<Stored<T>[]> {
  const records = new Map<string, Stored<T>>()
  let cursor = '0'
  do {
    const [next, found] = await inStore(`read ${collection}`, () => redis.hscan(key(collection), cursor, 'COUNT', PAGE))
    // A page may repeat what an earlier one had.
    for (let at = 0; at < found.length; at += 2)
      for (const record of stored<T>(collection, readId(String(found[at])), found[at + 1]))
        records.set(record.id, record)
    cursor = next
  } while (cursor !== '0')
  return [...records.values()]
}

const PREFIX = 'portcullis:records:'
const SCHEMA = 1
/** A script keeps everybody else waiting, so it does a little at a time. */
const PURGE_AT_ONCE = 1000

function key(collection: Collection): string {
  return `${PREFIX}${collection}`
}

function stored<T>(collection: Collection, id: string, value: string | null | undefined): Stored<T>[] {
  if (value === null || value === undefined) return []
  const colon = value.indexOf(':')
  const rev = Number(value.slice(0, colon))
  return [{ id, rev, doc: parseDoc<T>(collection, id, value.slice(colon + 1)) }]
}

/** Flat, for a script's arguments are bytes: no second encoding that could change a document. */
function parameters({ expect = [], remove = [], put = [] }: Change): (string | number)[] {
  return [
    expect.length,
    ...expect.flatMap(({ collection, id, rev }) => [collection, writeId(id), rev]),
    remove.length,
    ...remove.flatMap(({ collection, id }) => [collection, writeId(id)]),
    put.length,
    ...put.flatMap(({ collection, id, doc, expires }) => [
      collection,
      writeId(id),
      JSON.stringify(doc),
      expires ? expires.getTime() : '',
    ]),
  ]
}

async function prepare(redis: Redis): Promise<void> {
  await redis.setnx('portcullis:schema', SCHEMA)
  checkSchema(Number(await redis.get('portcullis:schema')), SCHEMA)
}

const COMMIT = `
local prefix = ARGV[1]
local at = 2
local function take() at = at + 1; return ARGV[at - 1] end
for _ = 1, tonumber(take()) do
  local value = redis.call('HGET', prefix .. take(), take())
  local rev = value and string.match(value, '^(%d+):') or '0'
  if rev ~= take() then return 0 end
end
for _ = 1, tonumber(take()) do
  local collection, id = take(), take()
  redis.call('HDEL', prefix .. collection, id)
  redis.call('ZREM', prefix .. 'ends:' .. collection, id)
  if collection == 'history' then redis.call('ZREM', prefix .. 'ids:history', id) end
end
-- Begins with the microseconds since the epoch, so that no revision comes back in a database that was flushed.
if redis.call('EXISTS', prefix .. 'rev') == 0 then
  local now = redis.call('TIME')
  redis.call('SET', prefix .. 'rev', string.format('%s%06d', now[1], now[2]))
end
for _ = 1, tonumber(take()) do
  local collection, id, doc, ends = take(), take(), take(), take()
  local rev = string.format('%.0f', redis.call('INCR', prefix .. 'rev'))
  redis.call('HSET', prefix .. collection, id, rev .. ':' .. doc)
  if ends == '' then redis.call('ZREM', prefix .. 'ends:' .. collection, id) else redis.call('ZADD', prefix .. 'ends:' .. collection, ends, id) end
  if collection == 'history' then redis.call('ZADD', prefix .. 'ids:history', 0, id) end
end
return 1`

const PURGE = `
local prefix, collection = ARGV[1], ARGV[2]
local ids = redis.call('ZRANGEBYSCORE', prefix .. 'ends:' .. collection, '-inf', ARGV[3], 'LIMIT', 0, ARGV[4])
for _, id in ipairs(ids) do
  redis.call('HDEL', prefix .. collection, id)
  redis.call('ZREM', prefix .. 'ends:' .. collection, id)
  if collection == 'history' then redis.call('ZREM', prefix .. 'ids:history', id) end
end
return #ids`
