import { deepEqual, equal, match, rejects } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { mkdtemp, open, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import {
  loadPlaybooks,
  type PlaybookFile,
  type PlaybookWatcher,
  watchPlaybooks,
} from '../../src/adapters/playbook-files.ts'

const playbook = (name: string) =>
  `version: "1"\nname: ${name}\ntriggers: [{ type: alert }]\nsteps:\n  - { name: b, type: cloudflare.block, with: { duration: 1h } }\n`
const names = (files: readonly PlaybookFile[]) => files.map((file) => file.playbook.name)

describe('a directory of playbooks', () => {
  let dir = ''
  let watcher: PlaybookWatcher | undefined
  const put = (file: string, text: string) => writeFile(join(dir, file), text)
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'portcullis-playbooks-'))
  })
  afterEach(async () => {
    watcher?.close()
    await rm(dir, { recursive: true })
  })

  it('is read in file-name order, with the texts, and without other files', async () => {
    await put('90-b.yaml', playbook('last'))
    await put('10-a.yml', playbook('first'))
    await put('notes.md', 'nothing')
    await put('.hidden.yaml', 'broken: [')
    const files = await loadPlaybooks(dir)
    deepEqual(names(files), ['first', 'last'])
    equal(files[0]?.text, playbook('first'))
  })

  it('must hold a playbook', async () => {
    await rejects(loadPlaybooks(dir), /there is no playbook/)
    await rejects(loadPlaybooks(join(dir, 'none')), /PLAYBOOKS_DIR: .* cannot be read/)
  })

  it('is refused at start with the mistakes of all files', async () => {
    await put('a.yaml', 'name: [')
    await put('b.yaml', playbook('b').replace('1h', '1 hour'))
    await rejects(loadPlaybooks(dir), (error: Error) => {
      match(error.message, /^a\.yaml:1:\d+: /)
      match(error.message, /^b\.yaml:5:\d+: "1 hour" is no duration/m)
      return true
    })
  })

  it('takes a file for removed that goes while others are read, and a link to nowhere for broken', {
    skip: process.platform === 'win32',
  }, async () => {
    // Reading a pipe begins when somebody opens it for writing: the folder has been listed by then.
    execFileSync('mkfifo', [join(dir, 'a.yaml')])
    await put('b.yaml', playbook('gone'))
    const loading = loadPlaybooks(dir)
    const pipe = await open(join(dir, 'a.yaml'), 'w')
    await unlink(join(dir, 'b.yaml'))
    await pipe.writeFile(playbook('one'))
    await pipe.close()
    deepEqual(names(await loading), ['one'])
    await unlink(join(dir, 'a.yaml'))
    await symlink('nowhere', join(dir, 'c.yaml'))
    await rejects(loadPlaybooks(dir), /ENOENT.*c\.yaml/)
  })

  for (const [how, options] of [
    ['', { debounceMs: 10 }],
    [', and by looking where the system reports nothing', { debounceMs: 10, pollMs: 50 }],
  ] as const)
    it(`is read again when a file changes${how}`, async () => {
      await put('a.yaml', playbook('one'))
      const seen = new EventEmitter()
      watcher = watchPlaybooks(
        dir,
        await loadPlaybooks(dir),
        (files) => seen.emit('change', names(files)),
        (file, error) => seen.emit('broken', file, error.message),
        options,
      )
      const changed = once(seen, 'change')
      await put('a.yaml', playbook('two'))
      deepEqual(await changed, [['two']])

      const broken = once(seen, 'broken')
      await put('a.yaml', 'name: [')
      const [file, message] = await broken
      equal(file, 'a.yaml')
      match(message, /^a\.yaml:1:\d+/)

      // The broken file keeps its last good version beside the new one.
      const added = once(seen, 'change')
      await put('b.yaml', playbook('more'))
      deepEqual(await added, [['two', 'more']])

      const removed = once(seen, 'change')
      await unlink(join(dir, 'a.yaml'))
      deepEqual(await removed, [['more']])

      const emptied = once(seen, 'broken')
      await unlink(join(dir, 'b.yaml'))
      match((await emptied)[1], /no playbook is left/)
    })
})
