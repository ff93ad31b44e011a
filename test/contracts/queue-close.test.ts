import { equal, ok, rejects } from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { afterEach, before, beforeEach, describe, it } from 'node:test'
import type { Store } from '../../src/adapters/store.ts'
import type { Queue, Ran } from '../../src/ports.ts'
import { withStores } from '../support/stores.ts'
import { jobOf, until } from '../support/stores-jobs.ts'

const DONE: Ran = { kind: 'done', outcome: 'blocked' }

describe('closing the queue', () => {
  withStores((_kind, place) => {
    let store: Store
    let queue: Queue
    let id: string
    const open = () => store.createQueue({ lockDuration: 1000, stalledInterval: 500 })
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
      queue = open()
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
  })
})
