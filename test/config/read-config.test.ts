import { deepEqual, doesNotMatch, equal, match, ok, throws } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ConfigError, configForCheck, readConfig } from '../../src/config.ts'
import { secretsOf } from '../../src/config-secrets.ts'

const ZONE = '0123456789abcdef0123456789abcdef'
const OTHER_ZONE = 'fedcba9876543210fedcba9876543210'
const ENOUGH = {
  WEBHOOK_SECRET: 'w4Tq-webhook-1f9c',
  OPS_TOKEN: 'o8Zr-operator-77aa',
  CLOUDFLARE_API_TOKEN: 'c2Lm-cloudflare-90d',
  CLOUDFLARE_ZONE_ID: ZONE,
}
const noFiles = (path: string): string => {
  throw new Error(`no file ${path}`)
}
const read = (more: Record<string, string | undefined> = {}) => readConfig({ ...ENOUGH, ...more }, noFiles)
const complaint = (env: Record<string, string | undefined>, readFile = noFiles): string => {
  try {
    readConfig(env, readFile)
  } catch (error) {
    ok(error instanceof ConfigError)
    return error.message
  }
  return ''
}

describe('the configuration', () => {
  it('has the documented defaults', () => {
    const config = read()
    const { port, host, opsPort, opsHost, bodyLimit, queueLimit, mode, store, dataDir, playbooksDir } = config
    deepEqual(
      { port, host, opsPort, opsHost, bodyLimit, queueLimit, mode, store, dataDir, playbooksDir },
      {
        port: 8080,
        host: '0.0.0.0',
        opsPort: 8081,
        opsHost: '127.0.0.1',
        bodyLimit: 64 * 1024 * 1024,
        queueLimit: 100_000,
        mode: 'enforce',
        store: { kind: 'embedded' },
        dataDir: './data',
        playbooksDir: './playbooks',
      },
    )
    deepEqual(config.cloudflare, {
      apiToken: ENOUGH.CLOUDFLARE_API_TOKEN,
      apiUrl: 'https://api.cloudflare.com/client/v4',
      zones: [{ name: ZONE, id: ZONE }],
      rule: 'webserver scanning block',
      action: 'block',
      expressionLimit: 4096,
      maxRules: 1,
      target: 'rule',
      accountId: null,
      list: 'portcullis',
      manageRule: true,
    })
    deepEqual(config.elastic, { elasticsearch: null, kibana: null, spaces: ['default'], caFile: null })
    deepEqual(
      [config.maxBansPerHour, config.maxAlertAgeMs, config.giveUpAfterMs, config.releaseForMs, config.adoptForMs],
      [50, 86_400_000, 86_400_000, 86_400_000, null],
    )
    deepEqual([config.receiver, config.trustProxy, config.allowlist], [true, null, []])
    deepEqual([config.logLevel, config.logFormat, config.allowDocumentationRanges], ['info', 'ecs', false])
  })

  it('treats empty variables as not set', () => equal(read({ PORT: '', KIBANA_URL: ' ' }).port, 8080))

  it('names secrets by their holder', () =>
    deepEqual(read({ OPS_TOKEN: 'alice=a1b2c3d4e5f6g7h8, QWxhZGRpbjpvcGVuIHNlc2FtZQ==' }).opsTokens, [
      { name: 'alice', value: 'a1b2c3d4e5f6g7h8' },
      { name: '', value: 'QWxhZGRpbjpvcGVuIHNlc2FtZQ==' },
    ]))

  it('names zones, and takes several', () =>
    deepEqual(read({ CLOUDFLARE_ZONE_ID: `shop=${ZONE.toUpperCase()}, ${OTHER_ZONE}` }).cloudflare.zones, [
      { name: 'shop', id: ZONE },
      { name: OTHER_ZONE, id: OTHER_ZONE },
    ]))

  it('knows the stores by their addresses', () => {
    deepEqual(read({ STORE_URL: 'rediss://u:p@host:6379/1' }).store, { kind: 'redis', url: 'rediss://u:p@host:6379/1' })
    deepEqual(read({ STORE_URL: 'postgresql://host/db' }).store, { kind: 'postgres', url: 'postgresql://host/db' })
  })

  it('takes on, true and 1 for a switch, and their opposites', () => {
    for (const word of ['on', 'true', '1', 'ON'])
      equal(read({ ALLOW_DOCUMENTATION_RANGES: word }).allowDocumentationRanges, true)
    for (const word of ['off', 'false', '0'])
      equal(read({ ALLOW_DOCUMENTATION_RANGES: word }).allowDocumentationRanges, false)
  })

  it('needs no webhook secret when there is no webhook', () => {
    const elastic = { ELASTICSEARCH_URL: 'https://es:9200/', ELASTICSEARCH_API_KEY: 'encoded-key-0123456789==' }
    const config = read({ RECEIVER: 'off', WEBHOOK_SECRET: undefined, ...elastic })
    deepEqual([config.receiver, config.webhookSecrets], [false, []])
    equal(config.elastic.elasticsearch?.url, 'https://es:9200')
  })

  it('reads a value from the file that NAME_FILE names', () => {
    const files: Record<string, string> = {
      '/run/token': 'from-a-file-0123456789\n',
      '/run/list': '# offices\n203.0.113.7\n2001:db8::/32\r\nvpn.example.com\n',
    }
    const config = readConfig(
      { ...ENOUGH, OPS_TOKEN: undefined, OPS_TOKEN_FILE: '/run/token', ALLOWLIST_FILE: '/run/list' },
      (path) => files[path] ?? '',
    )
    deepEqual(config.opsTokens, [{ name: '', value: 'from-a-file-0123456789' }])
    deepEqual(config.allowlist, ['203.0.113.7', '2001:db8::/32', 'vpn.example.com'])
  })
})

describe('a configuration that is not usable', () => {
  it('is refused with all its problems, by name, in two columns', () =>
    equal(
      complaint({ PORT: 'eighty', MODE: 'on', CLOUDFLARE_ZONE_ID: 'shop' }),
      [
        'Configuration is not usable:',
        '  PORT                  must be a port from 0 to 65535 (got "eighty")',
        '  WEBHOOK_SECRET        is required',
        '  OPS_TOKEN             is required',
        '  MODE                  must be one of enforce, observe (got "on")',
        '  CLOUDFLARE_API_TOKEN  is required',
        '  CLOUDFLARE_ZONE_ID    must be zone ids of 32 hex digits, each optionally named (shop=<id>), no name or id twice (got "shop")',
      ].join('\n'),
    ))

  const refused: Record<string, string> = {
    PORT: '70000',
    OPS_PORT: '8080',
    HOST: 'not a host',
    RECEIVER: 'maybe',
    TRUST_PROXY: '10.0.0.0/40',
    BODY_LIMIT: '64 parsecs',
    QUEUE_LIMIT: '0',
    STORE_URL: 'mysql://host/db',
    CLOUDFLARE_API_URL: 'https://user:pass@api.example.com',
    CLOUDFLARE_RULE: 'two\nlines',
    CLOUDFLARE_RULE_ACTION: 'log',
    CLOUDFLARE_EXPRESSION_LIMIT: '10',
    CLOUDFLARE_MAX_RULES: '1.5',
    CLOUDFLARE_ZONE_ID: `a=${ZONE},b=${ZONE}`,
    ELASTIC_SPACE: 'My Space',
    KIBANA_URL: 'ftp://kibana',
    ALLOWLIST: '10.0.0.0/8, 10.0.0.300',
    MAX_BANS_PER_HOUR: '-1',
    MAX_ALERT_AGE: '1 day',
    GIVE_UP_AFTER: 'forever',
    ADOPT_FOR: 'never',
    LOG_LEVEL: 'loud',
    LOG_FORMAT: 'xml',
  }
  for (const [name, value] of Object.entries(refused))
    it(`refuses ${name}=${JSON.stringify(value)}`, () =>
      match(complaint({ ...ENOUGH, [name]: value }), new RegExp(`^  ${name} +must `, 'm')))

  it('refuses secrets that are short or obviously examples', () => {
    for (const secret of [
      'short',
      'changeme-changeme-changeme',
      'aaaaaaaaaaaaaaaaaaaa',
      'your-secret-goes-here',
      'secret-12345678',
      'alice=short',
    ])
      match(complaint({ ...ENOUGH, WEBHOOK_SECRET: secret }), /WEBHOOK_SECRET +must be 8 characters/)
  })

  it("takes other people's keys in whatever form they come, if they were filled in", () => {
    for (const CLOUDFLARE_API_TOKEN of ['token', 'aaaa', 'x', 'example-token'])
      equal(readConfig({ ...ENOUGH, CLOUDFLARE_API_TOKEN }).cloudflare.apiToken, CLOUDFLARE_API_TOKEN)
    for (const CLOUDFLARE_API_TOKEN of ['<token>', 'REPLACE_ME', 'your-token'])
      match(complaint({ ...ENOUGH, CLOUDFLARE_API_TOKEN }), /CLOUDFLARE_API_TOKEN +must be the token itself/)
  })

  it('never shows a secret', () => {
    const hidden = 'hunter2'
    const message = complaint({
      WEBHOOK_SECRET: hidden,
      OPS_TOKEN: `alice=${hidden}`,
      CLOUDFLARE_API_TOKEN: hidden,
      KIBANA_URL: `https://elastic:${hidden}@kibana`,
      KIBANA_API_KEY: hidden,
      STORE_URL: `mysql://root:${hidden}@db/x`,
    })
    match(message, /STORE_URL/)
    doesNotMatch(message, /hunter2/)
  })

  it('never shows one secret of a list in the wrong variable, whatever else stands there', () => {
    const OPS_TOKEN = `alice=${ENOUGH.OPS_TOKEN},bob=b5Nc-another-31be`
    for (const secret of [ENOUGH.OPS_TOKEN, 'b5Nc-another-31be'])
      for (const LOG_LEVEL of [`x${secret}`, `alice=${secret} info`, `debug,${secret.slice(0, -4)}`])
        doesNotMatch(complaint({ ...ENOUGH, OPS_TOKEN, LOG_LEVEL }), /operator|another/)
  })

  it('wants the key where there is the address, and the address where there is the key', () => {
    match(
      complaint({ ...ENOUGH, KIBANA_URL: 'https://kibana' }),
      /KIBANA_API_KEY +is required, because KIBANA_URL is set/,
    )
    const key = { ELASTICSEARCH_API_KEY: 'encoded-key-0123456789==' }
    match(complaint({ ...ENOUGH, ...key }), /ELASTICSEARCH_URL +is required, because ELASTICSEARCH_API_KEY is set/)
  })

  it('wants tokens for different purposes to differ', () => {
    match(complaint({ ...ENOUGH, OPS_READ_TOKEN: ENOUGH.OPS_TOKEN }), /OPS_READ_TOKEN +must differ/)
    match(complaint({ ...ENOUGH, WEBHOOK_SECRET: ENOUGH.OPS_TOKEN }), /WEBHOOK_SECRET +must differ/)
  })

  it('names the file that cannot be read, once, and a value that is set twice', () => {
    const message = complaint({
      ...ENOUGH,
      OPS_TOKEN: undefined,
      OPS_TOKEN_FILE: '/gone',
      PORT: '1',
      PORT_FILE: '/port',
    })
    match(message, /OPS_TOKEN_FILE +cannot be read: no file \/gone/)
    doesNotMatch(message, /OPS_TOKEN +is required/)
    match(message, /PORT +is set twice/)
  })

  it('can still be read as far as it goes, for the check', () => {
    const { config, problems } = configForCheck({ ...ENOUGH, PORT: 'x', OPS_TOKEN: undefined }, noFiles)
    deepEqual([config.port, config.opsTokens, config.cloudflare.zones.length], [8080, [], 1])
    deepEqual(
      problems.map(({ name }) => name),
      ['PORT', 'OPS_TOKEN'],
    )
    throws(() => readConfig({}, noFiles), ConfigError)
  })
})

describe('the secrets of a configuration', () => {
  it('are all known to the logger, the password of the store included', () => {
    const secrets = secretsOf(
      read({ STORE_URL: 'redis://u:p%40ssw0rd@host', WEBHOOK_SECRET: 'bob=b0b-0123456789abcdef' }),
    )
    deepEqual(
      secrets.toSorted(),
      ['b0b-0123456789abcdef', ENOUGH.CLOUDFLARE_API_TOKEN, ENOUGH.OPS_TOKEN, 'p%40ssw0rd', 'p@ssw0rd'].toSorted(),
    )
  })
})
