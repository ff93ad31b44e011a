import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { reopenObserved } from '../../src/pipeline/reopen.ts'
import { type PipelineWorld, pipelineWorld } from '../support/service-pipeline.ts'

const ADDRESS = '203.0.113.7'
const env = { ALLOW_DOCUMENTATION_RANGES: 'true' }
const observe = { ...env, MODE: 'observe' }

const ONLY_STATUS = `version: "1"
name: Acknowledge
triggers:
  - type: alert
steps:
  - name: acknowledge
    type: security.setAlertStatus
    with: { status: acknowledged }
`

describe('a job that runs while observing', () => {
  it('is taken up by enforcing when only its status was left to be set', async () => {
    const world = pipelineWorld({ env })
    const id = await world.deliver(ADDRESS)
    world.siem.before = () => Promise.reject(new Error('Elastic is away'))
    assert.equal((await world.queue.run(id)).kind, 'thrown')
    world.siem.before = async () => {}
    const observing = pipelineWorld({ env: observe, after: world })
    assert.deepEqual(await observing.queue.run(id), { kind: 'done', outcome: 'observing' })
    assert.equal(world.siem.status.get(id), 'open')
    await assertTakenUp(pipelineWorld({ env, after: observing }), id, 'blocked')
  })

  it('is taken up by enforcing when its playbook blocks nothing', async () => {
    const observing = pipelineWorld({ env: observe, playbook: ONLY_STATUS })
    const id = await observing.deliver(ADDRESS)
    assert.deepEqual(await observing.queue.run(id), { kind: 'done', outcome: 'observing' })
    await assertTakenUp(pipelineWorld({ env, playbook: ONLY_STATUS, after: observing }), id, 'done')
  })

  it('keeps the name of a refusal, which no mode changes', async () => {
    const observing = pipelineWorld({ env: observe })
    const id = await observing.deliver('10.0.0.1')
    assert.deepEqual(await observing.queue.run(id), { kind: 'done', outcome: 'private' })
  })
})

async function assertTakenUp(world: PipelineWorld, id: string, outcome: string): Promise<void> {
  const { records, queue, clock, pipeline } = world
  assert.equal(await reopenObserved({ records, queue, clock, playbookBy: pipeline.playbookBy }), 1)
  assert.deepEqual(await queue.run(id), { kind: 'done', outcome })
  assert.equal(world.siem.status.get(id), 'acknowledged')
}
