import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AlertRecord, Outcome } from '../../src/core/outcome.ts'
import { createConclusions } from '../../src/pipeline/conclusions.ts'
import { manualClock } from '../support/manual-clock.ts'
import { memoryRecords } from '../support/memory-records.ts'
import { jobOf } from '../support/stores-jobs.ts'

function world() {
  const records = memoryRecords()
  const told: string[] = []
  const events = { concluded: ({ outcome }: { outcome: string }) => void told.push(outcome) }
  const conclude = createConclusions({ records, clock: manualClock(), events })
  const outcomeOf = async (id: string): Promise<Outcome | null | undefined> =>
    (await records.get<AlertRecord>('outcomes', [id])).get(id)?.doc.outcome
  return { records, told, conclude, outcomeOf }
}

describe('the end of an alert', () => {
  it('is told once, however many runs of its job come to it', async () => {
    const { told, conclude, outcomeOf } = world()
    const { id, data } = jobOf('an-alert')
    await Promise.all([
      conclude(data, 'blocked'),
      conclude(data, 'blocked'),
      conclude(jobOf('another').data, 'private'),
    ])
    await conclude({ ...data, waiting: 'edge-full' }, 'blocked')
    assert.deepEqual(told, ['blocked', 'private'])
    assert.equal(await outcomeOf(id), 'blocked')
  })

  it('is told again once it was taken up again, and where a later run comes to another one', async () => {
    const { told, conclude, outcomeOf } = world()
    const { id, data } = jobOf('an-alert')
    await conclude(data, 'gave-up')
    await conclude(data, 'blocked')
    await conclude({ ...data, reopenedAt: '2026-01-02T00:00:00.000Z' }, 'blocked')
    assert.deepEqual(told, ['gave-up', 'blocked', 'blocked'])
    assert.equal(await outcomeOf(id), 'blocked')
  })

  it('leaves no alert among the parked', async () => {
    const { records, conclude } = world()
    const { id, data } = jobOf('an-alert')
    await conclude(data, 'blocked')
    await records.commit({ put: [{ collection: 'parked', id, doc: {} }] })
    await conclude({ ...data, waiting: 'edge-full' }, 'blocked')
    assert.equal(await records.count('parked'), 0)
  })
})
