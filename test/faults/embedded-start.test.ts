import assert from 'node:assert/strict'
import { cpSync, readdirSync, rmSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { openStore } from '../../src/adapters/store.ts'
import { contentsOf, embeddedIn, mountDisk, ownEmpty, WITHOUT_MOUNT } from '../support/fault-store-disk.ts'
import { emptyDataDir } from '../support/stores.ts'

const EACH = { timeout: 120_000 }

describe('a start on the embedded store', () => {
  let made: string
  before(async () => {
    made = emptyDataDir()
    const store = await openStore(embeddedIn(made))
    await store.records.commit({ put: [{ collection: 'bans', id: '192.0.2.7', doc: {} }] })
    await store.close()
  })
  after(() => rmSync(made, { recursive: true }))

  it('with too little room names the directory and what is needed', { ...EACH, skip: WITHOUT_MOUNT }, async (t) => {
    const { directory } = mountDisk(t, 20)
    await refused(directory, /store is full: \d+ MB are left, and 64 MB are needed/, { unchanged: false })
    assert.deepEqual(readdirSync(join(directory, 'store')), [])
  })

  it('on a disk that may only be read says so, and changes nothing', { ...EACH, skip: WITHOUT_MOUNT }, async (t) => {
    const disk = mountDisk(t, 250)
    cpSync(made, disk.directory, { recursive: true })
    disk.readOnly()
    await refused(disk.directory, /store cannot be made or written to: EROFS.*DATA_DIR/)
  })

  it('that another process has says so, and changes nothing', EACH, async () => {
    const holder = await openStore(embeddedIn(made))
    await refused(made, /store\.lock is locked: another Portcullis runs on this data/)
    assert.equal(await holder.records.count('bans'), 1)
    await holder.close()
  })

  const damages: Record<string, (store: string) => void> = {
    'a truncated pg_control': (store) => truncateSync(join(store, 'global/pg_control'), 0),
    'a truncated log': (store) => {
      const log = readdirSync(join(store, 'pg_wal')).filter((file) => /^[0-9A-F]{24}$/.test(file))
      for (const file of log) truncateSync(join(store, 'pg_wal', file), 0)
    },
    'PG_VERSION missing': (store) => rmSync(join(store, 'PG_VERSION')),
  }
  for (const [damage, harm] of Object.entries(damages)) {
    it(`with ${damage} is refused with what to do, and what is left stays as it is`, EACH, async (t) => {
      const dataDir = ownEmpty(t)
      rmSync(dataDir, { recursive: true })
      cpSync(made, dataDir, { recursive: true })
      harm(join(dataDir, 'store'))
      await refused(dataDir, /damaged.*Nothing in it was changed\. Restore the directory from a backup/)
    })
  }
})

async function refused(dataDir: string, words: RegExp, { unchanged = true } = {}): Promise<void> {
  const was = contentsOf(dataDir)
  await assert.rejects(openStore(embeddedIn(dataDir)), (error: Error) => {
    assert.equal(error.name, 'StoreError')
    assert.match(error.message, words)
    assert.ok(error.message.includes(dataDir))
    return true
  })
  if (unchanged) assert.deepEqual(contentsOf(dataDir), was)
}
