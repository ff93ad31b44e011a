import assert from 'node:assert/strict'
import { type ChildProcess, exec, spawn } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { atEnd } from '../support/service.ts'
import { until } from '../support/stores-jobs.ts'

// It makes a cluster of its own, which takes a busy machine half a minute.
const WITHIN_MS = 120_000

describe('the demo', () => {
  it('tells the whole story, finds all as it must be, and leaves nothing behind', async (t) => {
    const demo = await startDemo(t)
    assert.equal(await demo.ended, 0, demo.text())
    for (const line of [
      /Portcullis +finds 198\.51\.100\.7, 198\.51\.100\.23, 203\.0\.113\.99 in the/,
      /Portcullis +knows it already/,
      /“office” blocks nobody, allowlisted/,
      /“inner server” blocks nobody, private/,
      /“edge” blocks nobody, cloudflare/,
      /“nobody” blocks nobody, no-address/,
      /a colleague +gets ahead of it/,
      /Portcullis +sees by the version number/,
      /Cloudflare +429/,
      /\+ 203\.0\.113\.7 +blocked for fuzzing, odd client/,
      /\+ 198\.51\.100\.66 +a person’s entry, added while we wrote, kept/,
      /office +192\.0\.2\.10 +allowlisted open +portcullis:allowlisted/,
      /injection +2001:db8:bad::5 blocked +acknowledged portcullis:blocked/,
      /calls to Cloudflare: \d+ GET, \d+ PUT \(1 of them answered 429\)/,
      /All \d+ hold\./,
    ])
      assert.match(demo.text(), line)
    assert.equal(demo.text().match(/✓ foreign rule/g)?.length, 3)
    assert.doesNotMatch(demo.text(), /✗|trouble/)
    assert.ok(!demo.text().includes('\u001b'), 'what is piped is plain')
    const wide = demo
      .text()
      .split('\n')
      .filter((line) => line.length > 80)
    assert.deepEqual(wide, [], 'it fits into 80 columns')
    assert.deepEqual(await readdir(demo.folder), [])
  })

  it('stays up when asked to, takes the alert that it offers, and then cleans up', async (t) => {
    const demo = await startDemo(t, '--stay')
    await demo.says(/It stays up until Ctrl-C[\s\S]*webhooks\/elastic\n/)
    const [, dashboard = '', password = ''] = /(http:\S+\/queues)\n +(\S+)\n/.exec(demo.text()) ?? []
    const board = await fetch(dashboard, { headers: { authorization: `Basic ${btoa(`me:${password}`)}` } })
    assert.equal(board.status, 200)
    const [, command = ''] = /(curl .+alert\.json \\\n.+)\n/s.exec(offers(demo.text())) ?? []
    for (const address of ['203.0.113.101', '203.0.113.102']) {
      // The file holds the next alert a moment after the one before is done with.
      await demo.retry(async () => (await promisify(exec)(command)).stdout.includes('"accepted":1'))
      await demo.says(new RegExp(`holds ${address}[\\s\\S]+acknowledged`))
    }
    demo.child.kill('SIGINT')
    assert.equal(await demo.ended, 0, demo.text())
    assert.deepEqual(await readdir(demo.folder), [])
  })

  it('cleans up when it is interrupted in the middle of the story', async (t) => {
    const demo = await startDemo(t)
    await demo.says(/sends the alert/)
    demo.child.kill('SIGTERM')
    assert.equal(await demo.ended, 130, demo.text())
    assert.deepEqual(await readdir(demo.folder), [])
  })
})

interface Demo {
  readonly child: ChildProcess
  /** Where it makes its temporary folder. */
  readonly folder: string
  readonly ended: Promise<number | null>
  text(): string
  /** Resolves when the output matches. */
  says(pattern: RegExp): Promise<void>
  retry(attempt: () => Promise<boolean>): Promise<void>
}

async function startDemo(t: TestContext, ...given: readonly string[]): Promise<Demo> {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-demo-test-'))
  atEnd(t, () => rm(folder, { recursive: true, force: true }))
  const env = { ...process.env, TMPDIR: folder, FORCE_COLOR: undefined }
  const child = spawn(process.execPath, ['src/simulator/demo.ts', ...given], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  atEnd(t, () => child.kill('SIGKILL'))
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  let over = false
  void ended.then(() => {
    over = true
  })
  const retry = async (attempt: () => Promise<boolean> | boolean): Promise<void> => {
    // What it said last is still looked at.
    const isSo = async () => {
      const last = over
      if (await attempt()) return true
      if (last) throw new Error(`It ended before it came to that:\n${text}`)
      return false
    }
    await until(isSo, WITHIN_MS).catch((error: Error) => {
      throw new Error(`${error.message}\n${text}`, { cause: error })
    })
  }
  return { child, folder, ended, text: () => text, says: (pattern) => retry(() => pattern.test(text)), retry }
}

/** The last command offered, without those before it. */
function offers(text: string): string {
  return text.slice(text.indexOf('One more alert'))
}
