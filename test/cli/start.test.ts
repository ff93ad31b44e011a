import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, it } from 'node:test'

const SHOW =
  'data:text/javascript,console.log(process.pid,process.execArgv.filter(a=>!/import|data/.test(a)).join(),process.env.MALLOC_ARENA_MAX)'

/** Where each process that begins shows its id and what it was started with. Nothing is configured, so it ends at once. */
function start(env: Readonly<Record<string, string>>): { pid: number; shown: string[]; said: string } {
  const args = ['--import', SHOW, 'bin/portcullis', 'start']
  const { pid, stdout, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8', timeout: 120_000 })
  return { pid, shown: stdout.trim().split('\n'), said: stderr }
}

describe('portcullis start', { skip: process.platform === 'win32' }, () => {
  it('begins again as the same process, with settings that save memory', () => {
    const { pid, shown, said } = start({})
    assert.equal(shown.at(-1), `${pid} --expose-gc,--max-semi-space-size=8 1`)
    assert.equal(shown.length, 2)
    assert.match(said, /WEBHOOK_SECRET/)
  })

  it('leaves alone what the operator has set of them', () => {
    for (const size of ['--max-semi-space-size=16', '--max_semi_space_size=16']) {
      const { shown } = start({ MALLOC_ARENA_MAX: '3', NODE_OPTIONS: size })
      assert.match(shown.at(-1) ?? '', / --expose-gc 3$/)
    }
  })
})
