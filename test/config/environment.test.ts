import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { parseEnv } from 'node:util'
import { configForCheck, processEnvironment, readConfig } from '../../src/config.ts'
import { VARIABLES } from '../../src/config-environment.ts'
import { configWarnings } from '../../src/config-warnings.ts'

const example = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8')
const withDefaults = example.replaceAll(/^#([A-Z][A-Z0-9_]*=)/gm, '$1')

describe('.env.example', () => {
  it('has every variable there is, and no other', () =>
    deepEqual(Object.keys(parseEnv(withDefaults)).toSorted(), [...VARIABLES].toSorted()))

  it('ships observing', () => equal(parseEnv(example).MODE, 'observe'))

  it('lacks nothing but the secrets and the zone', () => {
    const { problems } = configForCheck(parseEnv(example))
    deepEqual(
      problems.map(({ name, message }) => `${name} ${message}`),
      [
        'WEBHOOK_SECRET is required',
        'OPS_TOKEN is required',
        'CLOUDFLARE_API_TOKEN is required',
        'CLOUDFLARE_ZONE_ID is required',
      ],
    )
  })

  it('shows the real defaults where a line is commented out', () => {
    const secrets = {
      WEBHOOK_SECRET: 'w4Tq-webhook-1f9c',
      OPS_TOKEN: 'o8Zr-operator-77aa',
      CLOUDFLARE_API_TOKEN: 'c2Lm-cloudflare-90d',
      CLOUDFLARE_ZONE_ID: '0123456789abcdef0123456789abcdef',
    }
    deepEqual(readConfig({ ...parseEnv(withDefaults), ...secrets }), readConfig({ ...parseEnv(example), ...secrets }))
  })

  it('explains every variable in the lines above it', () => {
    const lines = example.split('\n')
    for (const name of VARIABLES) {
      const at = lines.findIndex((line) => line.replace(/^#/, '').startsWith(`${name}=`))
      // A group of variables that belong together shares its explanation.
      const above = lines.slice(0, at).findLastIndex((line) => line.startsWith('# '))
      ok(above >= 0 && at - above <= 3, `${name} is not explained`)
    }
  })
})

describe('the file .env', () => {
  const dir = mkdtempSync(join(tmpdir(), 'portcullis-env-'))
  after(() => rmSync(dir, { recursive: true }))

  it('shows the proxies of the file to the process, whose clients look there', () => {
    const file = join(dir, '.env-proxy')
    writeFileSync(file, 'NO_PROXY=intranet.example\n')
    const before = process.env.NO_PROXY
    delete process.env.NO_PROXY
    try {
      processEnvironment(file)
      equal(process.env.NO_PROXY, 'intranet.example')
    } finally {
      if (before === undefined) delete process.env.NO_PROXY
      else process.env.NO_PROXY = before
    }
  })

  it('completes the environment, and what is really set wins', () => {
    const file = join(dir, '.env')
    writeFileSync(file, 'PORTCULLIS_TEST_A=file\nPORTCULLIS_TEST_B=file\nPORTCULLIS_TEST_C=file\n')
    process.env.PORTCULLIS_TEST_A = 'real'
    process.env.PORTCULLIS_TEST_C_FILE = '/run/secret'
    try {
      const env = processEnvironment(file)
      equal(env.PORTCULLIS_TEST_A, 'real')
      equal(env.PORTCULLIS_TEST_B, 'file')
      // A real NAME_FILE replaces the NAME of the file, or both would be set.
      equal(env.PORTCULLIS_TEST_C, undefined)
    } finally {
      delete process.env.PORTCULLIS_TEST_A
      delete process.env.PORTCULLIS_TEST_C_FILE
    }
  })

  it('need not be there', () => equal(processEnvironment(join(dir, 'none')).PATH, process.env.PATH))
})

describe('variables that look like typing errors', () => {
  it('are warned about, with what was probably meant', () =>
    deepEqual(configWarnings({ ALLOWLIT: 'x', CLOUDFLARE_ZONE: 'x', PORTCULLIS_MODE: 'x', MAX_BAN_PER_HOUR: 'x' }), [
      'ALLOWLIT is not known and has no effect; did you mean ALLOWLIST?',
      'CLOUDFLARE_ZONE is not known and has no effect; did you mean CLOUDFLARE_ZONE_ID?',
      'MAX_BAN_PER_HOUR is not known and has no effect; did you mean MAX_BANS_PER_HOUR?',
      'PORTCULLIS_MODE is not known and has no effect; did you mean MODE?',
    ]))

  it('are also found where nothing similar exists', () =>
    match(configWarnings({ KIBANA_SOMETHING_ELSE: 'x' }).join(), /KIBANA_SOMETHING_ELSE is not known/))

  it('are not what other programs and orchestrators set', () =>
    deepEqual(
      configWarnings({
        PATH: 'x',
        HOSTNAME: 'x',
        KIBANA_SERVICE_HOST: 'x',
        ELASTICSEARCH_PORT_9200_TCP: 'x',
        OPS_TOKEN_FILE: 'x',
        WEBHOOK_BIND: 'x',
        HTTPS_PROXY: 'x',
      }),
      [],
    ))
})
