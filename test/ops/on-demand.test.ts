import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { onDemand } from '../../src/ops/on-demand.ts'

describe('what is made on demand', () => {
  it('is made once for all who ask, and not before', async () => {
    let times = 0
    const get = onDemand(async () => ++times)
    assert.equal(times, 0)
    assert.deepEqual(await Promise.all([get(), get()]), [1, 1])
    assert.equal(await get(), 1)
  })

  it('is tried again after a failure', async () => {
    let times = 0
    const get = onDemand(async () => {
      times++
      if (times === 1) throw new Error('out of memory')
      return times
    })
    await assert.rejects(Promise.all([get(), get()]), /out of memory/)
    assert.equal(await get(), 2)
    assert.equal(await get(), 2)
  })
})
