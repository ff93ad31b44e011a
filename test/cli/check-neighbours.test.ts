import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkNeighbours, checkWriters } from '../../src/adapters/check-neighbours.ts'
import { NEW_EDGE, type TrailStep } from '../../src/core/edge-state.ts'
import { memoryRecords } from '../support/memory-records.ts'

describe('portcullis check, on neighbours,', () => {
  it('warns of a rule in which entries of others come and go by the clock', async () => {
    assert.equal((await neighbours([0, 10, 20], 60)).length, 1)
    assert.match(
      (await neighbours([0, 10, 20], 60))[0] ?? '',
      /\(1\.0\.0\.0, 1\.0\.0\.10, 1\.0\.0\.20, …\).* after 1h each.*STORE_URL/,
    )
    assert.deepEqual(await neighbours([0, 10], 60), [])
  })

  it('warns of a list that several stores write, not of people who do', () => {
    const item = (comment: string) => ({ id: comment, text: '1.0.0.1', comment, created: '', modified: '' })
    const [ours, another] = ['portcullis 1f3a00000001: a scan, for good', 'portcullis 1f3a00000002: a scan, for good']
    assert.deepEqual([...checkWriters('list', [item(ours ?? ''), item('the office')])], [])
    const [finding] = [...checkWriters('list', [item(ours ?? ''), item(ours ?? ''), item(another ?? '')])]
    assert.equal(finding?.level, 'warn')
    assert.match(finding?.message ?? '', /2 of store 1f3a00000001, 1 of store 1f3a00000002/)
  })
})

/** What is said of a rule into which others put an address at each of these minutes, and took it out so many minutes after. */
async function neighbours(minutes: readonly number[], stay: number): Promise<string[]> {
  const start = Date.parse('2026-03-01T00:00:00.000Z')
  const step = (minute: number, change: Partial<TrailStep>): TrailStep => ({
    ...{
      version: 1000 + minute,
      at: new Date(start + minute * 60_000).toISOString(),
      gained: [],
      lost: [],
      present: true,
    },
    ...change,
  })
  const trail = [
    ...minutes.map((minute) => step(minute, { gained: [`1.0.0.${minute}`] })),
    ...minutes.map((minute) => step(minute + stay, { lost: [`1.0.0.${minute}`] })),
  ]
  const records = memoryRecords()
  await records.commit({ put: [{ collection: 'edges', id: 'shop', doc: { ...NEW_EDGE, trail } }] })
  const said: string[] = []
  for await (const { message } of checkNeighbours(records)) said.push(message)
  return said
}
