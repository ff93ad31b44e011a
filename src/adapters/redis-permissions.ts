import { createHash } from 'node:crypto'
import type { Redis } from 'ioredis'
import { messageOf } from '../errors.ts'

/**
 * Which of the commands that the ledger and the queue need this user may not run; none: all is well. Without it a service could
 * start, take alerts, and never work on one. Leaves nothing behind; failures of any other kind are thrown.
 */
export async function deniedCommands(redis: Redis): Promise<string[]> {
  const denied: string[] = []
  for (const [name = '', ...given] of CALLED) {
    try {
      await redis.call(name, ...given)
    } catch (error) {
      const why = messageOf(error)
      const answered = error instanceof Error && error.name === 'ReplyError'
      if (!answered || ABOUT_KEYS.test(why)) throw error
      // Whatever else is wrong with it, it may be run.
      if (DENIED.test(why)) denied.push(name)
    }
  }
  if (denied.includes('EVAL')) return denied
  const inScripts = (await redis.eval(TRY, 1, KEY, ...SCRIPTED)) as string[]
  return [...denied, ...inScripts.filter((name) => !denied.includes(name))]
}

/** As other keys of ours are named, for a user may be bound to `portcullis:*`. */
const KEY = 'portcullis:probe'
const NOTHING = 'return 1'

const CALLED: readonly (readonly string[])[] = [
  ['INFO', 'server'],
  ['EVAL', NOTHING, '0'],
  ['EVALSHA', createHash('sha1').update(NOTHING).digest('hex'), '0'],
  ['BZPOPMIN', KEY, '0.01'],
  ['MULTI'],
  ['EXEC'],
  ['ZREVRANGEBYLEX', KEY, '+', '-'],
]

/** With the arguments that each needs, `key` for ours: a wrong number of them is refused before the permission is looked at. */
const SCRIPTED: readonly string[] = [
  ...[
    'SET key 1',
    'GET key',
    'INCR key',
    'EXISTS key',
    'TYPE key',
    'PEXPIRE key 1000',
    'PTTL key',
    'RENAME key key',
    'TIME',
  ],
  ...['HSET key f 1', 'HMSET key f 1', 'HGET key f', 'HMGET key f', 'HGETALL key', 'HEXISTS key f', 'HLEN key'],
  ...['HINCRBY key f 1', 'HDEL key f', 'LPUSH key 1', 'RPUSH key 1', 'LLEN key', 'LINDEX key 0', 'LRANGE key 0 0'],
  ...['LPOS key 1', 'LTRIM key 0 1', 'LREM key 0 1', 'LPOP key', 'RPOP key', 'RPOPLPUSH key key', 'SADD key 1'],
  ...['SCARD key', 'SMEMBERS key', 'SREM key 1', 'ZADD key 1 m', 'ZSCORE key m', 'ZCARD key', 'ZCOUNT key 0 1'],
  ...['ZRANGE key 0 0', 'ZRANGEBYSCORE key 0 1', 'ZREVRANGE key 0 0', 'ZREVRANGEBYSCORE key 1 0', 'ZPOPMIN key'],
  ...['ZREM key m', 'ZREMRANGEBYRANK key 0 0', 'XADD key * f 1', 'XTRIM key MAXLEN 1', 'UNLINK key', 'DEL key'],
]

/** What Redis 6 and what later ones say. */
const DENIED = /NOPERM|ACL failure|can't run this command/

const ABOUT_KEYS = /the keys? used|access one of the keys/

const TRY = `
local denied = {}
for _, line in ipairs(ARGV) do
  local words = {}
  for word in string.gmatch(line, '%S+') do words[#words + 1] = word == 'key' and KEYS[1] or word end
  local answer = redis.pcall(unpack(words))
  local why = type(answer) == 'table' and answer.err or ''
  if string.find(why, 'NOPERM') or string.find(why, 'ACL failure') or string.find(why, "can't run this command") then
    denied[#denied + 1] = words[1]
  end
end
return denied`
