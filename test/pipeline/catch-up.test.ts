import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { Alert } from '../../src/core/alert.ts'
import type { AlertRecord, Outcome } from '../../src/core/outcome.ts'
import type { Playbook } from '../../src/core/playbook.ts'
import { RefusedError } from '../../src/errors.ts'
import { type CatchUpDeps, startCatchUp } from '../../src/pipeline/catch-up.ts'
import { createHealth } from '../../src/pipeline/health.ts'
import type { Mark, OpenQuery } from '../../src/ports.ts'
import { manualClock } from '../support/manual-clock.ts'
import { memoryRecords } from '../support/memory-records.ts'

const RULE = 'rule-1'

describe('catch-up', () => {
  it('takes what is new, with all that a webhook would have told', async (t) => {
    const { catchUp, accepted } = stage(t, { pages: [[hit('a1')]] })
    assert.deepEqual(await catchUp.run(), { read: 1, accepted: 1, tagged: 0, problem: null })
    const [{ id, space, rule, suspects, time, run, eventTime }] = accepted as [Alert]
    assert.deepEqual([id, space, rule.ruleId, rule.name], ['a1', 'default', RULE, 'Scan'])
    assert.deepEqual([suspects, run, eventTime], [['203.0.113.7'], 'scheduled', true])
    assert.equal(time, '2026-05-01T11:00:00.000Z')
  })

  it('asks for young open alerts of every named rule in every space, without those that are settled', async (t) => {
    const { catchUp, asked } = stage(t, { spaces: ['default', 'prod'], rules: ['More'] })
    await catchUp.run()
    assert.deepEqual(
      asked.map(({ space, rules, since }) => [space, rules, since.toISOString()]),
      ['default', 'prod'].map((space) => [space, [RULE, 'More'], '2026-04-30T12:00:00.000Z']),
    )
    assert.ok(asked[0]?.without.includes('quota-spent') && !asked[0].without.includes('lapsed'))
  })

  it('lets nothing that is done or at work reach the queue, and tags what is done', async (t) => {
    const outcomes = { a1: 'blocked', a2: 'quota-spent', a3: null, a4: 'lapsed' } as const
    const { catchUp, accepted, marks } = stage(t, { pages: [['a1', 'a2', 'a3', 'a4', 'a5'].map(hit)], outcomes })
    await catchUp.run()
    assert.deepEqual(
      accepted.map(({ id }) => id),
      ['a4', 'a5'],
    )
    assert.deepEqual(
      marks.map(({ id, status, tag }) => [id, status, tag]),
      [
        ['a1', null, 'blocked'],
        ['a2', null, 'quota-spent'],
      ],
    )
  })

  it('leaves observed alerts alone while their playbook observes, and takes them once it enforces', async (t) => {
    const outcomes = { a1: 'observing', a2: 'private' } as const
    const hits = [[hit('a1'), hit('a2')]]
    const observing = stage(t, { pages: hits, outcomes, playbook: { mode: 'observe' } })
    await observing.catchUp.run()
    assert.deepEqual([observing.accepted, observing.marks], [[], []])
    const enforcing = stage(t, { pages: hits, outcomes })
    assert.equal((await enforcing.catchUp.run()).accepted, 1)
  })

  it('is off while no rule is named, and says so once', async (t) => {
    const { catchUp, asked, off } = stage(t, { playbook: { triggers: [{ rules: [], tags: [], severity: [] }] } })
    await catchUp.run()
    await catchUp.run()
    assert.deepEqual([asked.length, off.length], [0, 1])
    assert.match(off[0] ?? '', /no playbook names a rule and CATCH_UP_RULES is empty/)
  })

  it('names the part that fails, reads the other spaces all the same, and is well again after a good look', async (t) => {
    const failures: Error[] = [new Error('down'), new RefusedError('elastic', 'forbidden')]
    const { catchUp, degraded, asked, accepted } = stage(t, {
      spaces: ['prod', 'third', 'default'],
      pages: [[hit('a1')]],
      fail: () => failures.shift(),
    })
    assert.equal((await catchUp.run()).problem, 'down')
    assert.deepEqual(degraded(), ['catch-up: down', 'elastic: forbidden'])
    assert.deepEqual([asked.length, accepted.length], [3, 1])
    await catchUp.run()
    assert.deepEqual(degraded(), ['elastic: forbidden'])
  })

  it('takes alerts although none can be tagged, and says so', async (t) => {
    const pages = [[hit('a1')], [hit('a2')]]
    const { catchUp, accepted, degraded } = stage(t, { pages, outcomes: { a1: 'private' }, untaggable: true })
    await catchUp.run()
    assert.equal(accepted.length, 1)
    assert.deepEqual(degraded(), ['catch-up: read only'])
  })

  it('reads no page more while the queue is full', async (t) => {
    const { catchUp, accepted, degraded } = stage(t, { pages: [[hit('a1')], [hit('a2')]], room: [true, false] })
    await catchUp.run()
    assert.equal(accepted.length, 1)
    assert.match(degraded()[0] ?? '', /QUEUE_LIMIT/)
  })

  it('never looks twice at the same time', async (t) => {
    const { catchUp, asked } = stage(t, { pages: [[hit('a1')]] })
    const [first, second] = await Promise.all([catchUp.run(), catchUp.run()])
    assert.equal(first, second)
    assert.equal(asked.length, 1)
  })

  it('survives hits that are no alerts', async (t) => {
    const { catchUp, accepted } = stage(t, { pages: [[null, 'x', {}, { _id: 7 }, hit('a1')]] })
    await catchUp.run()
    assert.deepEqual(
      accepted.map(({ id }) => id),
      ['a1'],
    )
  })

  it('stops between two pages', async (t) => {
    const pages = Array.from({ length: 100 }, (_, n) => [hit(`a${n}`)])
    const { catchUp, accepted } = stage(t, { pages, onAccept: (count) => count === 2 && void catchUp.stop() })
    await catchUp.run()
    assert.equal(accepted.length, 2)
  })
})

interface Setting {
  readonly pages?: readonly (readonly unknown[])[]
  readonly outcomes?: Readonly<Record<string, Outcome | null>>
  readonly playbook?: Partial<Playbook>
  readonly spaces?: readonly string[]
  readonly rules?: readonly string[]
  readonly room?: boolean[]
  readonly untaggable?: boolean
  readonly fail?: () => Error | undefined
  readonly onAccept?: (count: number) => unknown
}

function stage(t: TestContext, setting: Setting) {
  const clock = manualClock()
  const asked: OpenQuery[] = []
  const accepted: Alert[] = []
  const marks: Mark[] = []
  const off: string[] = []
  const health = createHealth({ clock, events: { degraded() {}, recovered() {} }, onRecovered() {} })
  const deps: CatchUpDeps = {
    ...{ clock, health, maxAlertAgeMs: 86_400_000, observing: false },
    records: { get: (collection, ids) => recordsOf(setting.outcomes ?? {}).then((all) => all.get(collection, ids)) },
    spaces: setting.spaces ?? ['default'],
    rules: setting.rules ?? [],
    playbooks: () => [{ playbook: { ...PLAYBOOK, ...setting.playbook } }],
    source: {
      async *open(query) {
        asked.push(query)
        const error = setting.fail?.()
        if (error) throw error
        yield* setting.pages ?? []
      },
    },
    siem: {
      async mark(some) {
        if (setting.untaggable) throw new Error('read only')
        marks.push(...some)
        return new Map(some.map(({ id }) => [id, 'done' as const]))
      },
    },
    async accept(alerts) {
      accepted.push(...alerts)
      setting.onAccept?.(accepted.length)
      return { accepted: alerts.length, duplicates: 0, unmatched: 0 }
    },
    hasRoom: async () => setting.room?.shift() ?? true,
    onOff: (reason) => off.push(reason),
  }
  const catchUp = startCatchUp(deps, 3600_000)
  t.after(() => catchUp.stop())
  const degraded = () => health.degraded().map(({ part, reason }) => `${part}: ${reason}`)
  return { catchUp, asked, accepted, marks, off, degraded }
}

const PLAYBOOK: Playbook = {
  ...{ name: 'Block', description: '', enabled: true, mode: 'enforce', consts: {}, steps: [] },
  ...{ triggers: [{ rules: [RULE], tags: [], severity: [] }], file: '90.yaml', hash: '' },
}

async function recordsOf(outcomes: Readonly<Record<string, Outcome | null>>) {
  const records = memoryRecords()
  const put = Object.entries(outcomes).map(([id, outcome]) => {
    // Ten minutes ago: long enough to be taken up again, not long enough to be lost.
    const at = '2026-05-01T11:50:00.000Z'
    const base = { waiting: null, rule: 'Scan', playbook: 'Block', space: 'default', wanted: [], refused: [] }
    const doc: AlertRecord = { ...base, outcome, at, firstDecidedAt: at }
    return { collection: 'outcomes' as const, id, doc }
  })
  await records.commit({ put })
  return records
}

/** As Elasticsearch answers it: dotted keys and nested ones. */
function hit(id: string): unknown {
  return {
    _id: id,
    _index: '.internal.alerts-security.alerts-default-000001',
    sort: [1, id],
    _source: {
      '@timestamp': '2026-05-01T11:59:00.000Z',
      source: { ip: '203.0.113.7' },
      'kibana.alert.uuid': id,
      'kibana.alert.original_time': '2026-05-01T11:00:00.000Z',
      'kibana.alert.rule.rule_id': RULE,
      'kibana.alert.rule.name': 'Scan',
      'kibana.alert.rule.execution.type': 'scheduled',
      'kibana.space_ids': ['default'],
    },
  }
}
