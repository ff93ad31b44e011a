import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import { parseEnv } from 'node:util'
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

  it('says what is left to do', async () => {
    const { out } = await runCli(['init', '--yes'], {}, folder.path)
    assert.match(out, /fill in CLOUDFLARE_API_TOKEN and CLOUDFLARE_ZONE_ID/)
    assert.match(out, /portcullis check/)
    assert.match(out, /\/webhooks\/elastic/)
  })
})
