import assert from 'node:assert/strict'
import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { startWorld } from '../../src/simulator/world.ts'
import { startCell } from '../support/fault-store-cell.ts'
import {
  embeddedIn,
  limitFiles,
  mountDisk,
  ownEmpty,
  WITHOUT_MOUNT,
  WITHOUT_PRLIMIT,
} from '../support/fault-store-disk.ts'
import { atEnd } from '../support/service.ts'
import { allAcknowledged, assertHeldBefore, missingFrom, numbered } from '../support/service-burst.ts'
import { startProcess } from '../support/service-process.ts'

const EACH = { timeout: 240_000 }
// Larger than any table, smaller than what the log has reached when its store was made.
const BELOW_THE_LOG = 2_000_000

describe('the embedded store', () => {
  it('on a full disk: webhooks are answered 503, and all is done once there is room', {
    ...EACH,
    skip: WITHOUT_MOUNT,
  }, async (t) => {
    const disk = mountDisk(t, 250)
    const dataDir = copyOfEmpty(join(disk.directory, 'data'))
    const cell = await startCell(t, embeddedIn(dataDir))
    await cell.send(10)
    disk.fill()
    await waitFor503(() => cell.send(1))
    assert.deepEqual(await cell.send(3), [503, 503, 503])
    assert.equal((await cell.ask('/readyz')).status, 503)
    await cell.tick()
    await cell.saying(new RegExp(`disk that holds ${dataDir}/store is full: 0 MB are left, and 64 MB are needed`))
    disk.free()
    await cell.balances()
    await cell.tick()
  })

  it('whose files cannot grow, so that PostgreSQL breaks down: opens them anew by itself', {
    ...EACH,
    skip: WITHOUT_PRLIMIT,
  }, async (t) => {
    const cell = await startCell(t, embeddedIn(ownEmpty(t)))
    atEnd(t, () => limitFiles(null))
    await cell.send(10)
    await cell.balances()
    limitFiles(BELOW_THE_LOG)
    await waitFor503(() => cell.send(1))
    assert.deepEqual(await cell.send(3), [503, 503, 503])
    limitFiles(null)
    await cell.saying(/broke down/)
    await cell.balances()
    await cell.tick()
  })

  it('killed in mid-write, three times: every alert that was accepted is blocked and acknowledged', EACH, async (t) => {
    const dataDir = ownEmpty(t)
    const world = await startWorld()
    atEnd(t, () => world.close())
    const addresses = numbered(60)
    const ids = addresses.map((sourceIp) => world.alerts.add({ sourceIp }))
    const accepted = new Set<string>()
    for (let round = 0; round < 3; round++) {
      const service = await startProcess(world, embeddedIn(dataDir))
      atEnd(t, () => service.kill())
      const sending = ids.slice(round * 20, round * 20 + 20).map(async (id) => {
        const answer = await service.post(world.webhook([id])).catch(() => null)
        if (answer?.status === 202) accepted.add(id)
      })
      await Promise.any(sending)
      await service.kill()
      await Promise.all(sending)
    }
    const last = await startProcess(world, embeddedIn(dataDir))
    atEnd(t, () => last.kill())
    assert.ok(accepted.size > 0)
    await allAcknowledged(world, [...accepted], 60_000)
    assertHeldBefore(world, ids, addresses)
    // The others were never answered, so their sender tries again.
    for (const id of ids) assert.equal((await last.post(world.webhook([id]))).status, 202)
    await allAcknowledged(world, ids, 60_000)
    assert.deepEqual(missingFrom(world, addresses), [])
    assertHeldBefore(world, ids, addresses)
  })
})

/** What is written before the fault is noticed is written. */
async function waitFor503(send: () => Promise<number[]>): Promise<void> {
  for (let n = 0; n < 100; n++) if ((await send())[0] === 503) return
  assert.fail('100 webhooks were taken')
}

function copyOfEmpty(dataDir: string): string {
  mkdirSync(dataDir)
  const template = process.env.PORTCULLIS_TEST_STORE
  if (template) cpSync(template, dataDir, { recursive: true })
  return dataDir
}
