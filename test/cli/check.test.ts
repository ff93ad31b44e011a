import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { openStore } from '../../src/adapters/store.ts'
import { checkAll, checkPlaybooks, type Finding } from '../../src/check.ts'
import { configForCheck } from '../../src/config.ts'
import { startWorld, type World } from '../../src/simulator/world.ts'
import { emptyFolder, runCli } from './run-cli.ts'

const SECRETS = { WEBHOOK_SECRET: 'canary-webhook-secret-1', OPS_TOKEN: 'canary-operators-token-1' }
let world: World
let folder: Awaited<ReturnType<typeof emptyFolder>>
before(async () => {
  world = await startWorld()
  folder = await emptyFolder()
})
after(async () => {
  await world.close()
  await folder.remove()
})

const environment = () => ({
  ...SECRETS,
  ...world.environment(),
  ALLOWLIST: '203.0.113.0/28',
  DATA_DIR: join(folder.path, 'data'),
})

/** The findings of one subject, under settings that differ by these. */
async function found(what: string, changes: Record<string, string> = {}, now = () => new Date()): Promise<Finding[]> {
  const { config, problems } = configForCheck({ ...environment(), ...changes })
  const askRunning = async () => ({ version: '0.1.0', degraded: [{ part: 'elastic', reason: 'forbidden' }] })
  const findings: Finding[] = []
  for await (const finding of checkAll({ config, problems, warnings: [], askRunning, now })) findings.push(finding)
  const said = JSON.stringify(findings)
  for (const secret of [...Object.values(SECRETS), world.cloudflare.token, 'kibana-key', 'elastic-key'])
    assert.ok(!said.includes(secret), `a finding shows ${secret}`)
  return findings.filter((finding) => finding.what.startsWith(what))
}

const levels = (findings: readonly Finding[]) => findings.map(({ level }) => level)
const text = (findings: readonly Finding[]) => findings.map(({ message }) => message).join('\n')

describe('portcullis check', () => {
  it('finds nothing to mend where all is well, and changes nothing', async () => {
    const version = world.zone.rules()
    const ran = await runCli(['check'], environment(), process.cwd())
    assert.equal(ran.code, 0, ran.out + ran.err)
    assert.match(ran.out, /✓ token +is active/)
    assert.match(ran.out, /holds 3 entries; 53 of 4096/)
    assert.match(ran.out, /! rule of shop +"monitoring is never stopped" stands above it/)
    assert.match(ran.out, /✓ elasticsearch +reads the alerts of the space default/)
    for (const secret of [...Object.values(SECRETS), 'kibana-key']) assert.ok(!ran.out.includes(secret))
    assert.deepEqual(world.zone.rules(), version)
  })

  it('names every setting that is wrong, and goes on with the rest', async () => {
    const settings = await found('settings', { PORT: 'many', MAX_ALERT_AGE: '1 day' })
    assert.deepEqual(levels(settings), ['bad', 'bad'])
    assert.match(text(settings), /PORT must[\s\S]*MAX_ALERT_AGE must/)
    assert.deepEqual(levels(await found('token', { PORT: 'many' })), ['good'])
  })

  it('tells a token that is not known, and one that may only read', async () => {
    assert.match(text(await found('zone', { CLOUDFLARE_API_TOKEN: 'a-token-that-is-unknown' })), /CLOUDFLARE_API_TOKEN/)
    world.cloudflare.tokens.set('a-token-that-reads-only', ['waf-read', 'zone-read'])
    const zone = await found('zone', { CLOUDFLARE_API_TOKEN: 'a-token-that-reads-only' })
    assert.deepEqual(levels(zone), ['good', 'bad'])
    assert.match(text(zone), /a dry run/)
  })

  it('tells a zone that does not exist', async () => {
    const zone = await found('zone', { CLOUDFLARE_ZONE_ID: 'f'.repeat(32) })
    assert.deepEqual(levels(zone), ['bad'])
  })

  it('tells whether a rule that is missing can be made', async () => {
    const missing = { CLOUDFLARE_RULE: 'another name' }
    assert.deepEqual(levels(await found('rule', missing)), ['good', 'warn', 'good'])
    const [own] = world.zone.rules()
    world.cloudflare.handEdit(world.zone, (rules) => [...rules, { ...own, id: undefined, ref: 'fifth' }])
    const full = await found('rule', missing)
    assert.ok(levels(full).includes('bad'))
    assert.match(text(full), /no room for our rule/)
    world.cloudflare.handEdit(world.zone, (rules) => rules.slice(0, -1))
  })

  it('tells a rule that is switched off, and one that only logs', async () => {
    const ours = (change: object) =>
      world.cloudflare.handEdit(world.zone, (rules) =>
        rules.map((rule) => (rule.description === 'webserver scanning block' ? { ...rule, ...change } : rule)),
      )
    ours({ enabled: false })
    assert.match(text(await found('rule')), /edge-disabled/)
    ours({ enabled: true, action: 'log' })
    assert.deepEqual(levels(await found('rule'))[0], 'bad')
    ours({ action: 'block' })
  })

  it('tells a key of Elastic that is not known, and names a space without alerts', async () => {
    assert.match(text(await found('elasticsearch', { ELASTICSEARCH_API_KEY: 'a-key-that-is-unknown' })), /401/)
    const spaces = await found('elasticsearch', { ELASTIC_SPACE: 'default,elsewhere' })
    assert.deepEqual(levels(spaces), ['good', 'bad'])
    assert.match(text(spaces), /elsewhere/)
    const ca = await found('elasticsearch', { ELASTIC_CA_FILE: join(folder.path, 'nothing.pem') })
    assert.match(text(ca), /ELASTIC_CA_FILE/)
  })

  it('warns of an ops port that is open, and of a clock that is wrong', async () => {
    assert.deepEqual(levels(await found('ops port', { OPS_HOST: '0.0.0.0' })), ['warn'])
    const clock = await found('cloudflare', {}, () => new Date(Date.now() + 3_600_000))
    assert.deepEqual(levels(clock), ['warn'])
    assert.match(text(clock), /ahead of Cloudflare/)
  })

  it('tells names of the allowlist that do not resolve, and a Cloudflare that cannot be reached', async () => {
    const names = await found('allowlist', { ALLOWLIST: 'localhost,nothing.invalid' })
    assert.deepEqual(levels(names), ['good', 'bad'])
    assert.match(text(names), /nothing\.invalid protects nobody/)
    const away = await found('cloudflare', { CLOUDFLARE_API_URL: 'http://127.0.0.1:9/client/v4' })
    assert.deepEqual(levels(away), ['bad'])
  })

  it('asks the running service about a store that it holds', async () => {
    const dataDir = join(folder.path, 'held')
    const store = await openStore({ store: { kind: 'embedded' }, dataDir })
    try {
      assert.match(text(await found('store', { DATA_DIR: dataDir })), /held by the Portcullis 0\.1\.0/)
      assert.match(text(await found('running', { DATA_DIR: dataDir })), /elastic: forbidden/)
    } finally {
      await store.close()
    }
    assert.deepEqual(levels(await found('store', { DATA_DIR: dataDir })), ['good', 'warn'])
  })
})

describe('portcullis playbooks check', () => {
  it('shows mistakes with file, line and column, and ends with 1', async () => {
    const dir = join(folder.path, 'playbooks')
    await mkdir(dir)
    await writeFile(
      join(dir, 'a.yaml'),
      'version: "1"\nname: A\ntriggers: [{ type: alert }]\nsteps: [{ name: x, type: nonsense }]\n',
    )
    const ran = await runCli(['playbooks', 'check', dir], {}, folder.path)
    assert.equal(ran.code, 1)
    assert.match(ran.out, /a\.yaml:4:\d+: /)
  })

  it('names a zone that is not configured, as the start does, where zones are', async () => {
    const dir = join(folder.path, 'zones')
    await mkdir(dir)
    const step = '{ name: x, type: cloudflare.block, with: { duration: 1h, zones: [blog] } }'
    const text = `version: "1"\nname: A\ntriggers: [{ type: alert }]\nsteps: [${step}]\n`
    await writeFile(join(dir, 'a.yaml'), text)
    const zone = `shop=${'a'.repeat(32)}`
    const ran = await runCli(['playbooks', 'check', dir], { CLOUDFLARE_ZONE_ID: zone }, folder.path)
    assert.deepEqual([ran.code, /a\.yaml: step x names the zone blog/.test(ran.out)], [1, true], ran.out)
    assert.equal((await runCli(['playbooks', 'check', dir], {}, folder.path)).code, 0)
  })

  it('passes those that are shipped', async () => {
    const findings: Finding[] = []
    const given = { playbooksDir: 'playbooks', cloudflare: { zones: [] } }
    for await (const finding of checkPlaybooks(given)) findings.push(finding)
    assert.deepEqual([...new Set(levels(findings))], ['good'])
  })
})
