import assert from 'node:assert/strict'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { BansExport } from '../../src/core/export.ts'
import { FAST, OPS_TOKEN, type Service, startService } from '../support/service.ts'
import { findProgram, type Server, startRedis } from '../support/stores-servers.ts'
import { operatorsStage, runHere } from './here.ts'
import { emptyFolder } from './run-cli.ts'

describe('bans export and import', () => {
  const seams = { rate: FAST }
  const { stage, run } = operatorsStage({ seams })
  let folder: Awaited<ReturnType<typeof emptyFolder>>
  let moved: Service | null = null
  // Where there is no Redis, another embedded store is moved to.
  let redis: Server | null = null
  before(async () => {
    folder = await emptyFolder()
    if (findProgram('redis-server')) redis = await startRedis()
  })
  after(async () => {
    await moved?.stop()
    await redis?.stop()
    await folder.remove()
  })
  const path = (name: string) => join(folder.path, name)
  const exported = async () => JSON.parse((await run('bans export')).out) as BansExport

  it('writes bans with their ends, offences, releases and the allowlist, for the owner’s eyes', async () => {
    await run('ban 198.51.100.80 -d 2h -R "scans us"')
    const id = await stage.send({ sourceIp: '198.51.100.81' })
    await stage.becomes(id, 'acknowledged')
    const lifted = await stage.send({ sourceIp: '198.51.100.82' })
    await stage.becomes(lifted, 'acknowledged')
    await run('unban 198.51.100.82')
    await run('allow 203.0.113.7 -R "our office"')
    const { code, out } = await run(`bans export ${path('bans.json')}`)
    assert.equal(code, 0)
    assert.match(out, /5 bans, 1 offences, 1 entries of the allowlist/)
    assert.equal((await stat(path('bans.json'))).mode & 0o077, 0)
    assert.equal((await run(`bans export ${path('bans.json')}`)).code, 1)
    const file = JSON.parse(await readFile(path('bans.json'), 'utf8')) as BansExport
    assert.equal(file.version, 1)
    assert.equal(file.released[0]?.address, '198.51.100.82')
    assert.deepEqual(file.bans.find(({ address }) => address === '198.51.100.81')?.heldOn, ['shop'])
  })

  it('changes nothing when it is taken by the store that wrote it', async () => {
    const before = await exported()
    const { code, out } = await run(`bans import ${path('bans.json')}`)
    assert.equal(code, 0)
    assert.match(out, /0 bans taken over, 5 known already, 0 ended meanwhile, 0 refused/)
    assert.deepEqual({ ...(await exported()), exportedAt: '' }, { ...before, exportedAt: '' })
  })

  it('lets a new store go on where the old one stopped, with no entry of ours taken for a person’s', async () => {
    const rule = stage.held()
    await run(`bans export ${path('moved.json')}`)
    await stage.service.stop()
    const place = redis
      ? { store: { kind: 'redis' as const, url: redis.url }, dataDir: '' }
      : { store: { kind: 'embedded' as const }, dataDir: path('new-store') }
    moved = await startService(stage.world, place, {}, seams)
    await moved.app.tick()
    const env = { PORTCULLIS_URL: moved.app.opsUrl, OPS_TOKEN }
    const { code, out, err } = await runHere(['bans', 'import', path('moved.json')], env)
    assert.equal(code, 0, err)
    assert.match(out, /2 bans taken over/)
    const again = await runHere(['bans', 'import', path('moved.json')], env)
    assert.match(again.out, /0 bans taken over, 5 known already/)
    const { bans } = JSON.parse((await runHere(['bans', '-o', 'json'], env)).out)
    const origins = new Map<string, string>(
      bans.map((ban: { address: string; origins: string[] }) => [ban.address, ban.origins.join()]),
    )
    assert.equal(origins.get('198.51.100.80'), 'operator')
    assert.equal(origins.get('198.51.100.81'), 'alert')
    assert.equal(origins.get('198.51.100.7'), 'edge')
    assert.deepEqual(stage.held(), rule)
    assert.match((await runHere(['allowed'], env)).out, /203\.0\.113\.7/)
    assert.match((await runHere(['why', '198.51.100.82'], env)).out, /are refused until/)
  })

  it('refuses friends by name, and takes the rest', async () => {
    const file = JSON.parse(await readFile(path('moved.json'), 'utf8')) as BansExport
    const [ban] = file.bans.filter(({ address }) => address === '198.51.100.80')
    const more = ['104.16.0.9', '10.0.0.1', '203.0.113.7', '198.51.100.84'].map((address) => ({ ...ban, address }))
    await writeFile(path('friends.json'), JSON.stringify({ ...file, bans: more }))
    const env = { PORTCULLIS_URL: moved?.app.opsUrl ?? '', OPS_TOKEN }
    const { code, out, err } = await runHere(['bans', 'import', path('friends.json')], env)
    assert.equal(code, 1)
    assert.match(out, /1 bans taken over.* 3 refused/)
    for (const word of ['104.16.0.9 was refused: cloudflare', '10.0.0.1 was refused: private', 'refused: allowlisted'])
      assert.ok(err.includes(word), word)
    assert.ok(stage.held().includes('198.51.100.84'))
  })

  it('keeps what was banned with force, past the guard that was overruled and past no other', async () => {
    const env = { PORTCULLIS_URL: moved?.app.opsUrl ?? '', OPS_TOKEN }
    const here = (...words: string[]) => runHere(words, env)
    const forced = ['203.0.113.7', '24.0.0.0/7']
    for (const address of forced) {
      assert.equal((await here('ban', address, '-R', 'we are sure')).code, 2)
      assert.equal((await here('ban', address, '--force', '-d', '7d', '-R', 'we are sure')).code, 0)
    }
    const file = JSON.parse((await here('bans', 'export')).out) as BansExport
    const bans = file.bans.filter(({ address }) => forced.includes(address))
    assert.deepEqual(
      bans.map(({ reasons }) => reasons.map(({ forced, note }) => [forced, note])),
      [[['allowlisted', 'we are sure']], [['too-broad', 'we are sure']]],
    )
    await here('unban', ...forced)
    const taken = async (some: readonly unknown[]) => {
      await writeFile(path('forced.json'), JSON.stringify({ ...file, bans: some }))
      return here('bans', 'import', path('forced.json'))
    }
    const { code, out, err } = await taken(bans)
    assert.equal(code, 0, err)
    assert.match(out, /2 bans taken over.* 0 refused/)
    for (const address of forced) assert.ok(stage.held().includes(address))
    assert.match((await here('bans', '203.0.113.7')).out, /we are sure \(forced: allowlisted\)/)
    const [allowlisted, broad] = bans
    const at = (ban: object | undefined, address: string) => ({ ...ban, address })
    const others = [at(allowlisted, '10.0.0.1'), at(allowlisted, '104.16.0.9'), at(broad, '203.0.113.0/24')]
    const without = {
      ...at(allowlisted, '203.0.113.7'),
      reasons: allowlisted?.reasons.map((r) => ({ ...r, note: '' })),
    }
    await here('unban', ...forced)
    const refused = await taken([...others, without])
    assert.equal(refused.code, 1)
    for (const word of ['10.0.0.1 was refused: private', '104.16.0.9 was refused: cloudflare'])
      assert.ok(refused.err.includes(word), word)
    // The width was overruled, not the office inside; and whoever says no reason overrules nothing.
    for (const word of ['203.0.113.0/24 was refused: allowlisted', '203.0.113.7 was refused: allowlisted'])
      assert.ok(refused.err.includes(word), word)
  })

  it('leaves to people what they put into the rule, and takes nothing else of it', async () => {
    stage.world.cloudflare.handEdit(stage.world.zone, (rules) =>
      rules.map((rule) =>
        rule.description === 'webserver scanning block'
          ? { ...rule, expression: `${rule.expression} or (ip.src eq 104.16.0.77)` }
          : rule,
      ),
    )
    await moved?.app.tick()
    const env = { PORTCULLIS_URL: moved?.app.opsUrl ?? '', OPS_TOKEN }
    const file = JSON.parse((await runHere(['bans', 'export'], env)).out) as BansExport
    await writeFile(path('entries.json'), JSON.stringify(file))
    const same = await runHere(['bans', 'import', path('entries.json')], env)
    assert.equal(same.code, 0, same.err)
    assert.match(same.out, /0 bans taken over/)
    const order = file.bans.flatMap(({ reasons }) => reasons.filter(({ origin }) => origin === 'operator')).slice(0, 1)
    const bans = file.bans.map((ban) => ({
      ...ban,
      reasons: [...ban.reasons.filter((r) => r.origin === 'edge'), ...order],
    }))
    await writeFile(
      path('entries.json'),
      JSON.stringify({ ...file, bans: bans.filter((b) => b.address === '104.16.0.77') }),
    )
    const more = await runHere(['bans', 'import', path('entries.json')], env)
    assert.match(more.err, /104\.16\.0\.77 was refused: cloudflare/)
    const { bans: now } = JSON.parse((await runHere(['bans', '104.16.0.77', '-o', 'json'], env)).out)
    assert.deepEqual(now[0].origins, ['edge'])
    assert.ok(stage.held().includes('104.16.0.77'))
  })

  it('refuses rubbish as a whole, and names the places', async () => {
    const file = JSON.parse(await readFile(path('moved.json'), 'utf8')) as BansExport
    const env = { PORTCULLIS_URL: moved?.app.opsUrl ?? '', OPS_TOKEN }
    const before = stage.held()
    const [ban] = file.bans
    for (const [what, place] of [
      [{ ...file, version: 2 }, /\/version is 2: a newer Portcullis/],
      [
        {
          ...file,
          bans: [
            { ...ban, address: '198.51.100.85' },
            { ...ban, address: 'rubbish' },
          ],
        },
        /\/bans\/1\/address/,
      ],
      [{ ...file, bans: [ban, ban] }, /\/bans\/1\/address comes twice/],
      [{ ...file, bans: [{ ...ban, reasons: [] }] }, /\/bans\/0\/reasons/],
      [{ hello: 1 }, /required property 'version'/],
    ] as const) {
      await writeFile(path('rubbish.json'), JSON.stringify(what))
      const { code, err } = await runHere(['bans', 'import', path('rubbish.json')], env)
      assert.equal(code, 2, err)
      assert.match(err, /Nothing was imported/)
      assert.match(err, place)
    }
    await writeFile(path('rubbish.json'), 'no json')
    assert.equal((await runHere(['bans', 'import', path('rubbish.json')], env)).code, 2)
    assert.deepEqual(stage.held(), before)
  })
})
