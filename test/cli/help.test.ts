import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { runHere } from './here.ts'

const exec = promisify(execFile)
// It ends at once; a service that started would not.
const ENDS = { env: {}, timeout: 60_000 }
const here = (...args: string[]) => runHere(args, {})

describe('who asks the command line for help', () => {
  it('gets the page of each command, by `help` and by --help', async () => {
    const [asked, given] = [await here('help', 'unban'), await here('unban', '--help')]
    assert.equal(asked.code, 0)
    assert.match(asked.out, /^portcullis unban ADDRESS/)
    assert.equal(asked.out, given.out)
  })

  it('is told that there is no such command', async () => {
    for (const words of [['help', 'umban'], ['umban']]) {
      const { code, out, err } = await here(...words)
      assert.deepEqual([code, out], [2, ''])
      assert.match(err, /^portcullis has no command umban\.\n/)
    }
  })

  it('gets the version', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
    for (const word of ['--version', '-V'])
      assert.deepEqual(await here(word), { code: 0, out: `portcullis ${version}\n`, err: '' })
  })

  it('does not start the service by asking how to', async () => {
    const ran = await exec(process.execPath, ['bin/portcullis', 'start', '--help'], ENDS)
    assert.match(ran.stdout, /^portcullis start\n\nRuns the service/)
    const wrong = exec(process.execPath, ['bin/portcullis', 'start', '--observe'], ENDS)
    await assert.rejects(wrong, (error: { code?: unknown; stderr?: string }) => {
      assert.deepEqual([error.code, /Unknown option '--observe'/.test(error.stderr ?? '')], [2, true])
      return true
    })
  })

  it('reads lines that fit into a terminal, and no paragraph that promises more than follows', async () => {
    const overview = (await here('--help')).out
    for (const [, name = ''] of overview.matchAll(/^ {2}([a-z]+) {2,}/gm)) {
      const { out } = await here(name, '--help')
      const [prose = ''] = out.split(/\n(?= {2}-[a-z], | {6}--)/)
      assert.deepEqual(
        prose.split('\n').filter((line) => line.length > 80),
        [],
        name,
      )
      assert.doesNotMatch(prose, /:\n\n(?! )/, `${name}: a colon is followed by what it announces`)
    }
  })
})
