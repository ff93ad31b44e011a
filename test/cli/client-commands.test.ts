import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { runCli as runHere } from '../../src/cli/run.ts'
import { banOf, READ_TOKEN, startOps, TOKEN } from '../ops/harness.ts'
import { jobOf } from '../support/stores-jobs.ts'
import { emptyFolder, runCli } from './run-cli.ts'

let ops: Awaited<ReturnType<typeof startOps>>
let folder: Awaited<ReturnType<typeof emptyFolder>>
const printed: string[] = []
const KEPT = 'c'.repeat(64)
before(async () => {
  folder = await emptyFolder()
  ops = await startOps({ degraded: () => [{ part: 'elastic', reason: 'the key is not known (401)' }] })
  const hostile = { origin: 'edge' as const, id: 'shop', at: '2026-01-01T00:00:00.000Z', until: null, edges: ['shop'] }
  await ops.putBans(
    banOf('192.0.2.7'),
    banOf('198.51.100.0/24', { reasons: [{ ...hostile, note: 'red\u001b[31malert\u0007', durationMs: null }] }),
    banOf('192.0.2.9', { edges: { shop: { held: false, since: '2026-01-01T00:00:00.000Z', why: 'edge-full' } } }),
  )
  await ops.queue.add([jobOf(KEPT)])
})
after(async () => {
  await ops.stop()
  await folder.remove()
})

async function run(args: string, env: Record<string, string> = {}) {
  const ran = await runCli(
    args.split(' '),
    { PORTCULLIS_URL: ops.url, OPS_TOKEN: `alice=${TOKEN}`, ...env },
    folder.path,
  )
  printed.push(ran.out, ran.err)
  return ran
}

/** The same without a process of its own, which takes a third of a second each. */
async function here(args: readonly string[]) {
  const said = { out: '', err: '' }
  const code = await runHere(args, {
    environment: () => ({ PORTCULLIS_URL: ops.url, OPS_TOKEN: TOKEN }),
    say: (text) => {
      said.out += `${text}\n`
    },
    complain: (text) => {
      said.err += `${text}\n`
    },
    interactive: false,
    paint: (_colour, text) => text,
    now: () => new Date(),
  })
  return { ...said, code }
}

describe('the command line', () => {
  it('shows what the service does on a page, and as JSON for scripts', async () => {
    const page = await run('status')
    assert.equal(page.code, 0, page.err)
    for (const words of [
      /store embedded/,
      /up 1h1m/,
      /elastic {2}the key is not known/,
      /1 edge-full/,
      /90-block\.yaml/,
    ])
      assert.match(page.out, words)
    const json = JSON.parse((await run('status -o json')).out)
    assert.equal(json.edges[0].waiting['edge-full'], 1)
  })

  it('lists bans and finds the one that covers an address', async () => {
    const list = await run('bans --state waiting')
    assert.equal(list.code, 0, list.err)
    assert.match(list.out, /192\.0\.2\.9 {2}waiting: edge-full/)
    assert.doesNotMatch(list.out, /192\.0\.2\.7/)
    const one = await run('bans 198.51.100.77')
    assert.equal(one.code, 0, one.err)
    assert.match(one.out, /198\.51\.100\.0\/24/)
    assert.equal((await run('bans 203.0.113.201')).code, 3)
  })

  it('never passes control characters of others on to the terminal', async () => {
    const { out } = await run('bans')
    assert.match(out, /red\?\[31malert\?/)
    assert.ok(!out.includes('\u001b') && !out.includes('\u0007'))
  })

  it('bans and unbans by hand', async () => {
    const args = ['ban', '203.0.113.200', '-R', 'scans us', '-d', '2h']
    const env = { PORTCULLIS_URL: ops.url, OPS_TOKEN: TOKEN }
    const banned = await runCli(args, env, folder.path)
    assert.equal(banned.code, 0, banned.err)
    assert.match(banned.out, /203\.0\.113\.200 is banned for 2h, and held/)
    assert.equal((await run('unban 203.0.113.200')).code, 0)
    assert.equal((await run('unban 203.0.113.200')).code, 3)
    assert.match((await run('history')).out, /lifted +- +alice +203\.0\.113\.200/)
    const refused = await runCli(['ban', '10.0.0.1', '-R', 'x'], env, folder.path)
    assert.equal(refused.code, 2)
    assert.match(refused.err, /private/)
  })

  it('replays alerts and says which have no job', async () => {
    const both = await run(`replay ${KEPT} unknown`)
    assert.equal(both.code, 3)
    assert.match(both.err, /unknown/)
    assert.deepEqual(ops.replayed, [{ id: KEPT, by: 'alice' }])
    assert.equal((await run(`replay ${KEPT}`)).code, 0)
  })

  it('replays nothing that is at work, and says so with an exit code of its own', async (t) => {
    ops.atWork.add(KEPT)
    t.after(() => ops.atWork.clear())
    const before = ops.replayed.length
    const busy = await run(`replay ${KEPT}`)
    assert.equal(busy.code, 1)
    assert.match(busy.err, /Replaying 0 of 1 alerts\. At work already, and not begun anew: 1/)
    assert.equal((await run(`replay ${KEPT} unknown`)).code, 1)
    ops.atWork.clear()
    assert.equal((await run(`replay ${KEPT}`)).code, 0)
    assert.equal(ops.replayed.length, before + 1)
  })

  it('resumes an edge', async () => {
    const resumed = await run('resume blog')
    assert.match(resumed.out, /goes on at blog/)
    assert.deepEqual(ops.resumed, [{ edge: 'blog', by: 'alice' }])
    assert.equal((await run('resume nowhere')).code, 3)
  })

  it('ends with 2 on bad input, and says where to read', async () => {
    const bad = [
      'bans --colour red',
      'bans a b c',
      'replay',
      'ban',
      'ban 198.51.100.9 --force',
      'ban rubbish',
      'ban 0.0.0.0/0',
      'unban',
      'unban --all',
      'unban --all 1.2.3.4',
      'allow',
      'allow rubbish',
      'adopt',
      'adopt -d forever',
      'pause -d tomorrow',
      'replay --failed x',
      'replay --refused nonsense',
      'bans import',
      'bans import no-such-file.json',
      'playbooks explain',
      'playbooks explain no-such-file.json',
      'completion fish',
      'bans --limit x',
      'status -o xml',
      'nothing',
    ]
    for (const args of bad) {
      const { code, err } = await here(args.split(' '))
      assert.equal(code, 2, args)
      assert.notEqual(err, '', args)
    }
  })

  it('teaches with --help, for every command', async () => {
    const { out, code } = await here(['--help'])
    assert.equal(code, 0)
    const commands = [...out.matchAll(/^ {2}([a-z]+) {2,}/gm)].map(([, name]) => name ?? '')
    assert.ok(commands.length > 8)
    for (const command of commands)
      assert.match((await here([command, '--help'])).out, new RegExp(`^portcullis ${command}`))
  })

  it('says what is wrong when the service cannot be asked', async () => {
    const away = await run('status', { PORTCULLIS_URL: 'http://127.0.0.1:9' })
    assert.deepEqual([away.code, /does not answer at/.test(away.err)], [1, true])
    const stranger = await run('status', { OPS_TOKEN: 'a-token-that-is-not-known' })
    assert.deepEqual([stranger.code, /refused the token/.test(stranger.err)], [1, true])
    const nobody = await run('status', { OPS_TOKEN: '' })
    assert.deepEqual([nobody.code, /OPS_TOKEN is not set/.test(nobody.err)], [2, true])
    const reader = await run('resume', { OPS_TOKEN: '', OPS_READ_TOKEN: READ_TOKEN })
    assert.deepEqual([reader.code, /may only read/.test(reader.err)], [1, true])
  })

  it('never prints a token', () => {
    const all = printed.join('\n')
    assert.ok(all.length > 1000)
    assert.ok(!all.includes(TOKEN) && !all.includes(READ_TOKEN))
  })
})
