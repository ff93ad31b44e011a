import { deepEqual } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parsePlaybook } from '../../src/adapters/yaml-playbook.ts'
import type { Alert } from '../../src/core/alert.ts'
import type { AlertRecord } from '../../src/core/outcome.ts'
import { createIntake } from '../../src/pipeline/intake.ts'
import type { JobData } from '../../src/ports.ts'
import { manualClock } from '../support/manual-clock.ts'
import { memoryRecords } from '../support/memory-records.ts'

const BLOCK = '  - { name: block, type: cloudflare.block, with: { duration: 1h } }'
const CALL = '  - { name: tell, type: http, with: { url: "https://chat.example/{{ event.alerts[0].url.path }}" } }'
const IF = BLOCK.replace('type:', `if: "event.alerts[0].url.path contains 'x'", type:`)

/** What comes in with a playbook of these steps, and every job that was added or taken up again. */
function setUp(steps: string) {
  const [records, clock] = [memoryRecords(), manualClock()]
  const [added, again]: [JobData[], JobData[]] = [[], []]
  const text = `version: "1"\nname: Test\ntriggers:\n  - type: alert\nsteps:\n${steps}\n`
  const playbook = parsePlaybook(text, 'test.yaml')
  const intake = createIntake({
    records,
    clock,
    playbooks: () => [{ playbook, text }],
    events: { accepted() {} },
    queue: {
      ...({} as Parameters<typeof createIntake>[0]['queue']),
      async add(jobs) {
        added.push(...jobs.map(({ data }) => data))
      },
      async rerun(jobs) {
        again.push(...jobs.map(({ data }) => data))
        return new Map(jobs.map(({ id }) => [id, true]))
      },
    },
  })
  return { intake, records, clock, added, again }
}

const ALERT: Alert = {
  ...{ id: 'a1', index: '', space: 'default', rule: { id: 'r', ruleId: 'r', name: 'Scan', tags: [] }, severity: null },
  ...{ time: null, run: null, eventTime: false, suspects: ['11.0.0.1'], evidence: { 'url.path': '/x' } },
}

describe('taking alerts in', () => {
  it('keeps their evidence where a condition or a template of the playbook may look at it, and nowhere else', async () => {
    for (const [steps, kept] of [
      [BLOCK, {}],
      [IF, ALERT.evidence],
      [`${BLOCK}\n${CALL}`, ALERT.evidence],
    ] as const) {
      const { intake, added } = setUp(steps)
      await intake.accept([ALERT])
      deepEqual(
        added.map(({ alert }) => alert.evidence),
        [kept],
      )
    }
  })

  it('keeps the text of the playbook, and again some minutes later, should the store have been emptied', async () => {
    const { intake, records, clock } = setUp(BLOCK)
    const kept = async () => (await records.all('playbooks')).length
    await intake.accept([ALERT])
    deepEqual(await kept(), 1)
    await records.commit({
      remove: (await records.all('playbooks')).map(({ id }) => ({ collection: 'playbooks', id })),
    })
    await clock.advance(11 * 60_000)
    await intake.accept([{ ...ALERT, id: 'a2' }])
    deepEqual(await kept(), 1)
  })

  it('takes an alert up again once, however many deliveries have found it given up', async () => {
    const { intake, records, added, again } = setUp(BLOCK)
    const record = { outcome: 'gave-up', wanted: [], refused: [] } as unknown as AlertRecord
    await records.commit({ put: [{ collection: 'outcomes', id: ALERT.id, doc: record }] })
    const [first, second] = [intake.accept([ALERT]), intake.accept([ALERT])]
    deepEqual([(await first).accepted, (await second).accepted], [1, 0])
    await records.commit({ put: [{ collection: 'outcomes', id: ALERT.id, doc: { ...record, outcome: 'blocked' } }] })
    deepEqual(await intake.accept([ALERT]), { accepted: 0, duplicates: 1, unmatched: 0 })
    deepEqual([added.length, again.length], [0, 1])
  })
})
