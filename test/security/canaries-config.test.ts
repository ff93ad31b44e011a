import { describe, it } from 'node:test'
import { readConfig } from '../../src/config.ts'
import { startWorld } from '../../src/simulator/world.ts'
import { runHere } from '../cli/here.ts'
import { canaryEnvironment } from '../support/canary-environment.ts'
import { assertNoCanary, CANARIES } from '../support/canary-secrets.ts'

const PASSWORD = CANARIES['STORE_URL, its password']
const CLOUDFLARE = CANARIES.CLOUDFLARE_API_TOKEN

describe('a configuration that cannot be used', () => {
  const broken: readonly (readonly [string, Record<string, string>])[] = [
    [
      'a password in the URL of Elasticsearch',
      { ELASTICSEARCH_URL: `https://u:${CANARIES.KIBANA_API_KEY}@es.example` },
    ],
    ['a password in the URL of Cloudflare', { CLOUDFLARE_API_URL: `https://u:${CLOUDFLARE}@api.example/client/v4` }],
    [
      'a password with a slash',
      {
        ELASTICSEARCH_URL: `https://u:pa/ss${CLOUDFLARE}@es.example`,
        KIBANA_URL: `https://u:pa?${CLOUDFLARE}@kb.example`,
      },
    ],
    ['a store that is none', { STORE_URL: `mysql://u:${encodeURIComponent(PASSWORD)}@db/x` }],
    ['a store behind a wrong escape', { STORE_URL: `redis://u:${encodeURIComponent(PASSWORD)}%zz@127.0.0.1:1/0` }],
    ['a store that is away', { STORE_URL: `redis://u:${encodeURIComponent(PASSWORD)}@127.0.0.1:1/0` }],
    ['a database that is away', { STORE_URL: `postgres://u:${encodeURIComponent(PASSWORD)}@127.0.0.1:1/x` }],
    [
      'secrets with a space',
      { WEBHOOK_SECRET: `${CANARIES.WEBHOOK_SECRET} x`, OPS_TOKEN: `a=${CANARIES.OPS_TOKEN} x` },
    ],
    ['one secret for two doors', { OPS_TOKEN: CANARIES.WEBHOOK_SECRET, WEBHOOK_SECRET: CANARIES.WEBHOOK_SECRET }],
    [
      'keys with a space',
      {
        CLOUDFLARE_API_TOKEN: `Bearer ${CLOUDFLARE}`,
        ELASTICSEARCH_API_KEY: `ApiKey ${CANARIES.ELASTICSEARCH_API_KEY}`,
      },
    ],
    [
      'addresses of chats that are none',
      {
        NOTIFY_URL: `hooks.example/${CANARIES['NOTIFY_URL, its path']}`,
        HEARTBEAT_URL: `ftp://x/${CANARIES['HEARTBEAT_URL, its path']}`,
      },
    ],
    [
      'a body for the chat that is none',
      { NOTIFY_BODY: `{{ notice.text | nonsense }} ${CANARIES['NOTIFY_URL, its path']}` },
    ],
    [
      'secrets in the wrong variable',
      { PORT: CANARIES.WEBHOOK_SECRET, MODE: CLOUDFLARE, CLOUDFLARE_ZONE_ID: CLOUDFLARE },
    ],
  ]
  for (const [what, changes] of broken)
    it(`says what is wrong without a secret: ${what}`, { timeout: 30_000 }, async (t) => {
      const world = await startWorld()
      t.after(() => world.close())
      const env = canaryEnvironment(world, 'http://127.0.0.1:9', { STORE_URL: 'redis://127.0.0.1:1', ...changes })
      const texts: Record<string, string> = {}
      try {
        readConfig(env)
      } catch (error) {
        texts['the error'] = String((error as Error).stack)
      }
      for (const words of [['check'], ['check', '-o', 'json'], ['status']]) {
        const { out, err } = await runHere(words, env)
        texts[`portcullis ${words.join(' ')}`] = out + err
      }
      assertNoCanary(texts)
    })
})
