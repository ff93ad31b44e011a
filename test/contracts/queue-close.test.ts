import { equal, ok, rejects } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { afterEach, before, beforeEach, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { QueueOptions } from '../../src/adapters/queue-backend.ts'
import type { Store } from '../../src/adapters/store.ts'
import type { Queue, Ran } from '../../src/ports.ts'
import { layWire } from '../support/fault-store-wire.ts'
import { withStores } from '../support/stores.ts'
import { jobOf, until } from '../support/stores-jobs.ts'

const DONE: Ran = { kind: 'done', outcome: 'blocked' }

describe('closing the queue', () => {
  withStores((kind, place) => {
    let store: Store
    let queue: Queue
    let id: string
    // Locks as in production, but where another worker is to take a job over soon: a busy machine would lose short ones.
    const open = (options: QueueOptions = {}) => store.createQueue({ stalledInterval: 500, ...options })
    const SOON = { lockDuration: 1000 }
    const state = async () => (await queue.read(id))?.state
    const isIn = (wanted: string) => until(async () => (await state()) === wanted)

    before(async () => {
      store = await place.open()
    })
    beforeEach(() => {
      queue = open()
      id = randomUUID()
    })
    afterEach(() => queue.close(100))

    it('waits for running jobs when it closes', async () => {
      let finished = false
      const begun = Promise.withResolvers<void>()
      queue.work(async () => {
        begun.resolve()
        await new Promise((resolve) => setTimeout(resolve, 200))
        finished = true
        return DONE
      })
      await queue.add([jobOf(id)])
      await begun.promise
      await queue.close(5000)
      equal(finished, true)
      queue = open()
      equal(await state(), 'completed')
    })

    it('leaves what still runs at its close to the next worker', async () => {
      await queue.close(0)
      queue = open(SOON)
      const begun = Promise.withResolvers<void>()
      queue.work(() => {
        begun.resolve()
        return new Promise(() => {})
      })
      await queue.add([jobOf(id)])
      await begun.promise
      const start = Date.now()
      await queue.close(100)
      ok(Date.now() - start < 2000, `${Date.now() - start} ms`)
      queue = open(SOON)
      queue.work(async () => DONE)
      await isIn('completed')
    })

    it('gives a StoreError when the store is closed', async () => {
      await queue.close(0)
      await store.close()
      const late = open()
      await rejects(late.add([jobOf(id)]), { name: 'StoreError' })
      store = await place.open()
    })

    it('leaves nothing behind that keeps the process alive, though some connections were never made', {
      skip: kind === 'embedded' && 'it has none',
      timeout: 30_000,
    }, async (t) => {
      // The ledger's and the queue's own connections; a worker makes more.
      const { store: wired, dataDir } = place.config()
      const wire = await layWire('url' in wired ? wired.url : '')
      t.after(() => wire.close())
      wire.admit(2)
      const config = { store: { kind: wired.kind, url: wire.url }, dataDir }
      const child = spawn(process.execPath, [CLOSING, JSON.stringify(config)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      t.after(() => child.kill('SIGKILL'))
      await once(child.stdout, 'data')
      if (child.exitCode === null) await once(child, 'exit', { signal: AbortSignal.timeout(10_000) })
      equal(child.exitCode, 0)
    })
  })
})

const CLOSING = fileURLToPath(new URL('../support/stores-closing-child.ts', import.meta.url))
