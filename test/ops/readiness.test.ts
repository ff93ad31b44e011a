import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createReadiness } from '../../src/app-ready.ts'
import { StoreError } from '../../src/errors.ts'

describe('readiness', () => {
  function setUp() {
    const store = { answers: true, takes: true, now: 0, pings: 0 }
    const readiness = createReadiness({
      ping: async () => {
        store.pings++
        if (!store.answers) throw new StoreError('away')
      },
      clock: { now: () => new Date(store.now) },
    })
    const write = readiness.watch(async (text: string) => {
      if (!store.takes) throw new StoreError('No space left on device')
      return text
    })
    return { store, readiness, write }
  }

  it('ends when the store answers and yet takes nothing, until it takes something again', async () => {
    const { store, readiness, write } = setUp()
    assert.equal(await readiness.ready(), true)
    store.takes = false
    await assert.rejects(write('x'), /No space left/)
    assert.deepEqual([await readiness.ready(), await readiness.answers()], [false, true])
    store.takes = true
    assert.equal(await write('y'), 'y')
    assert.equal(await readiness.ready(), true)
  })

  it('is tried again after a minute in which nothing came', async () => {
    const { store, readiness, write } = setUp()
    store.takes = false
    await assert.rejects(write('x'))
    store.now = 59_999
    assert.equal(await readiness.ready(), false)
    store.now = 60_000
    assert.equal(await readiness.ready(), true)
  })

  it('comes back with a store that was away', async () => {
    const { store, readiness, write } = setUp()
    store.answers = store.takes = false
    await assert.rejects(write('x'))
    assert.equal(await readiness.ready(), false)
    store.answers = true
    assert.equal(await readiness.ready(), true)
  })

  it('asks the store once for all webhooks of a second, and again after one that failed', async () => {
    const { store, readiness, write } = setUp()
    assert.deepEqual(await Promise.all([readiness.answers(), readiness.answers()]), [true, true])
    assert.equal(store.pings, 1)
    store.answers = store.takes = false
    store.now = 999
    assert.equal(await readiness.answers(), true)
    await assert.rejects(write('x'))
    assert.equal(await readiness.answers(), false)
    store.answers = store.takes = true
    assert.equal(await readiness.answers(), true)
    assert.equal(store.pings, 3)
    store.now = 1998
    assert.equal(await readiness.answers(), true)
    assert.equal(store.pings, 3)
    store.now = 1999
    assert.equal(await readiness.answers(), true)
    assert.equal(store.pings, 4)
  })
})
