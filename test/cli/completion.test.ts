import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { runHere } from './here.ts'

const exec = promisify(execFile)

describe('completion', () => {
  it('completes commands, their options and the words of some options in bash', async () => {
    const { code, out } = await runHere(['completion', 'bash'], {})
    assert.equal(code, 0)
    const complete = async (...words: string[]) => {
      const ask = `COMP_WORDS=(portcullis ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}; _portcullis; echo "\${COMPREPLY[@]}"`
      return (await exec('bash', ['-c', `${out}\n${ask}`])).stdout.trim().split(' ')
    }
    assert.deepEqual(await complete('unb'), ['unban'])
    assert.deepEqual(await complete('dis'), ['disallow'])
    assert.deepEqual(await complete('ban', '--fo'), ['--force'])
    assert.deepEqual(await complete('bans', 'ex'), ['export'])
    assert.deepEqual(await complete('bans', '--state', ''), ['held', 'waiting', 'ended'])
    assert.ok((await complete('help', '')).includes('why'))
  })

  it('lets zsh read it', async () => {
    const { out } = await runHere(['completion', 'zsh'], {})
    assert.match(out, /^autoload -U \+X compinit/)
    assert.match(out, /complete -o default -F _portcullis portcullis/)
  })
})
