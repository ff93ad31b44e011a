import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import { parseEnv } from 'node:util'
import { questions } from '../../src/cli/init-ask.ts'
import { readConfig } from '../../src/config.ts'
import { emptyFolder, runCli } from './run-cli.ts'

const ZONE = '0da42c8d2132a9ddaf714f9e7c920711'
const FLAGS = ['init', '--yes', '--cloudflare-zone-id', `shop=${ZONE}`]
const ENV = { CLOUDFLARE_API_TOKEN: 'canary-cloudflare-token' }

let folder: Awaited<ReturnType<typeof emptyFolder>>
before(async () => {
  folder = await emptyFolder()
})
beforeEach(async () => {
  await folder.remove()
  folder = await emptyFolder()
})
after(() => folder.remove())

const written = async () => parseEnv(await readFile(join(folder.path, '.env'), 'utf8'))

describe('portcullis init', () => {
  it('writes settings that a start can use, for their owner alone', async () => {
    const ran = await runCli([...FLAGS, '--max-bans-per-hour', '100'], ENV, folder.path)
    assert.equal(ran.code, 0, ran.err)
    assert.equal((await stat(join(folder.path, '.env'))).mode & 0o777, 0o600)
    const config = readConfig(await written())
    assert.deepEqual(config.cloudflare.zones, [{ name: 'shop', id: ZONE }])
    assert.equal(config.cloudflare.apiToken, ENV.CLOUDFLARE_API_TOKEN)
    assert.equal(config.mode, 'observe')
    assert.equal(config.maxBansPerHour, 100)
    assert.deepEqual(config.allowlist, ['self'])
  })

  it('makes other secrets every time, and prints none', async () => {
    const first = await runCli(FLAGS, ENV, folder.path)
    const one = await written()
    const second = await runCli([...FLAGS, '--force'], ENV, folder.path)
    const other = await written()
    for (const name of ['WEBHOOK_SECRET', 'OPS_TOKEN']) {
      assert.match(one[name] ?? '', /^[\w-]{43}$/)
      assert.notEqual(one[name], other[name])
      assert.ok(!first.out.includes(one[name] ?? '') && !second.out.includes(other[name] ?? ''))
    }
    assert.ok(!(first.out + first.err).includes(ENV.CLOUDFLARE_API_TOKEN))
  })

  it('leaves a file that is there as it is, unless forced', async () => {
    await writeFile(join(folder.path, '.env'), 'MINE=1\n', { mode: 0o644 })
    const ran = await runCli(FLAGS, ENV, folder.path)
    assert.equal(ran.code, 1)
    assert.deepEqual(await written(), { MINE: '1' })
    assert.equal((await runCli([...FLAGS, '--force'], ENV, folder.path)).code, 0)
    assert.equal((await stat(join(folder.path, '.env'))).mode & 0o777, 0o600)
  })

  it('refuses values that could not be used, and writes nothing', async () => {
    const ran = await runCli(['init', '--yes', '--cloudflare-zone-id', 'nonsense', '--port', 'many'], ENV, folder.path)
    assert.equal(ran.code, 2)
    assert.match(ran.err, /CLOUDFLARE_ZONE_ID must[\s\S]*PORT must|PORT must[\s\S]*CLOUDFLARE_ZONE_ID must/)
    assert.equal(existsSync(join(folder.path, '.env')), false)
  })

  it('keeps values with blanks and dollars to the letter', async () => {
    const rule = 'our #1 block $list'
    const ran = await runCli([...FLAGS, '--cloudflare-rule', rule], ENV, folder.path)
    assert.equal(ran.code, 0, ran.err)
    assert.equal((await written()).CLOUDFLARE_RULE, rule)
  })

  it('asks nobody where nobody sits', async () => {
    const ran = await runCli(['init'], ENV, folder.path)
    assert.equal(ran.code, 2)
    assert.match(ran.err, /--yes/)
  })

  it('takes a list with its account, and says when the account is missing', async () => {
    const account = '023e105f4ecef8ad9ca31a8372d0c353'
    const half = await runCli([...FLAGS, '--cloudflare-target', 'list'], ENV, folder.path)
    assert.equal(half.code, 0, half.err)
    assert.match(half.out, /1\. fill in CLOUDFLARE_ACCOUNT_ID in \.env/)
    const ran = await runCli(
      [...FLAGS, '--force', '--cloudflare-target', 'list'],
      { ...ENV, CLOUDFLARE_ACCOUNT_ID: account },
      folder.path,
    )
    assert.equal(ran.code, 0, ran.err)
    const { target, accountId } = readConfig(await written()).cloudflare
    assert.deepEqual([target, accountId], ['list', account])
    assert.doesNotMatch(ran.out, /fill in/)
    assert.match(
      (await runCli(['init', '--help'], {}, folder.path)).out,
      /--cloudflare-target VALUE +rule: .*list: .*\n.*--cloudflare-account-id VALUE/,
    )
  })

  it('asks for the account only where bans go into a list', () => {
    const of = (name: string) => questions.find((question) => question.name === name)
    assert.deepEqual(of('CLOUDFLARE_ACCOUNT_ID')?.only, ['CLOUDFLARE_TARGET', 'list'])
    assert.ok(
      questions.findIndex(({ name }) => name === 'CLOUDFLARE_TARGET') <
        questions.findIndex(({ name }) => name === 'CLOUDFLARE_ACCOUNT_ID'),
    )
    assert.match(of('CLOUDFLARE_API_TOKEN')?.prompt ?? '', /for a list also Account Filter Lists: Edit/)
  })

  it('takes from the environment what it asks for and nothing else', async () => {
    await runCli(FLAGS, { ...ENV, CLOUDFLARE_API_URL: 'http://127.0.0.1:1/', ALLOWLIST: '198.51.100.1' }, folder.path)
    const { CLOUDFLARE_API_URL, ALLOWLIST } = await written()
    assert.deepEqual([CLOUDFLARE_API_URL, ALLOWLIST], [undefined, '198.51.100.1'])
  })

  it('shows no connector where no webhook is taken', async () => {
    const { out } = await runCli([...FLAGS, '--receiver', 'off', '--catch-up-every', '15s'], ENV, folder.path)
    assert.match(out, /No webhook is taken: Portcullis asks Elastic/)
    assert.doesNotMatch(out, /connector|webhooks\/elastic/)
  })

  it('says what is left to do', async () => {
    const { out } = await runCli(['init', '--yes'], {}, folder.path)
    assert.match(out, /fill in CLOUDFLARE_API_TOKEN and CLOUDFLARE_ZONE_ID/)
    assert.match(out, /portcullis check/)
    assert.match(out, /\/webhooks\/elastic/)
  })
})
