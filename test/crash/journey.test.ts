import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { assertHealed, assertHeldByRule, assertOthersUntouched, land } from '../support/crash-checks.ts'
import type { Point } from '../support/crash-points.ts'
import { type CrashStage, crashStage, pointOf, withCrashStores } from '../support/crash-stage.ts'

const UPDATE = { path: '_update_by_query' }

const DEATHS: Readonly<Record<string, Point>> = {
  'before the decision is in the ledger': { at: 'decision', when: 'before' },
  'while the decision goes into the ledger': { at: 'decision', when: 'during' },
  'after the decision is in the ledger': { at: 'decision', when: 'after' },
  'between GET and PUT, before the attempt is recorded': { at: 'attempt', when: 'before' },
  'between GET and PUT, after the attempt is recorded': { at: 'attempt', when: 'after' },
  'after the PUT, before the bans are marked held': { at: 'verdict', when: 'before' },
  'while the bans are marked held': { at: 'verdict', when: 'during' },
  'after the bans are marked held': { at: 'verdict', when: 'after' },
  'after the answer of a call, before it is recorded': { at: 'checkpoint', when: 'before' },
  'while the answer of a call is recorded': { at: 'checkpoint', when: 'during' },
  'after the answer of a call is recorded': { at: 'checkpoint', when: 'after' },
  'after the status update, before the outcome is in the ledger': { at: 'conclusion', when: 'before' },
  'while the outcome goes into the ledger': { at: 'conclusion', when: 'during' },
  'after the outcome is in the ledger': { at: 'conclusion', when: 'after' },
  'before the queue hears that a job is done': { at: 'ran', when: 'before' },
}

// Whoever dies here has recorded an answer of the step before.
const TOLD = ['after checkpoint', 'before conclusion', 'during conclusion', 'after conclusion', 'before ran']

withCrashStores((kind, place) => {
  describe(`a process killed on an alert's journey (${kind})`, () => {
    const stage = crashStage(place, { duration: '24h' })

    it(
      'before the enqueue is durable has accepted nothing, and takes the alert when it is sent again',
      pointOf(kind, false),
      async () => {
        const ids = stage.raise(3)
        await stage.diesAt({ at: 'enqueue', when: 'before' }, () => stage.deliver(ids))
        await stage.revive()
        assert.equal((await stage.ledger()).jobs.completed, 0)
        await stage.deliver(ids)
        await assertAllHeld(stage)
      },
    )

    for (const when of ['during', 'after'] as const)
      it(
        `${when === 'during' ? 'while' : 'after'} the jobs become durable, unanswered, does each once, sent again or not`,
        pointOf(kind, when === 'during'),
        async () => {
          const ids = stage.raise(3)
          await stage.diesAt({ at: 'enqueue', when }, () => stage.deliver(ids))
          await stage.revive()
          await stage.deliver(ids)
          await assertAllHeld(stage)
        },
      )

    for (const [moment, point] of Object.entries(DEATHS))
      it(
        `${moment} ends with every alert blocked and acknowledged`,
        pointOf(kind, point.when === 'during'),
        async () => {
          const before = stage.recorded.size
          await stage.diesAt(point, () => stage.send(3))
          if (TOLD.includes(`${point.when} ${point.at}`))
            assert.ok(stage.recorded.size > before, 'no answer was recorded')
          await stage.revive()
          await assertAllHeld(stage)
        },
      )

    it(
      'after the PUT was applied, before its answer came, knows the write for its own',
      pointOf(kind, true),
      async () => {
        const gate = stage.world.cloudflare.faults.holdAnswer({ method: 'PUT' })
        // One alert: of several, some may be decided too late for this PUT, and need another.
        await stage.diesAtGate(gate, () => stage.send(1))
        gate.open()
        const { version } = stage.world.zone
        const applied = version()
        await stage.revive()
        await assertAllHeld(stage)
        assert.equal(version(), applied)
      },
    )

    it(
      'while its PUT is on its way, which lands after the restart, loses no edit that it overwrites',
      pointOf(kind, false),
      async () => {
        const gate = stage.world.cloudflare.faults.hold({ method: 'PUT' })
        await stage.diesAtGate(gate, () => stage.send(3))
        await stage.revive()
        await assertAllHeld(stage)
        const theirs = { action: 'log', description: 'added meanwhile', enabled: true, expression: 'ssl' }
        stage.world.cloudflare.handEdit(stage.world.zone, (rules) => [...rules, theirs])
        const before = stage.world.zone.version()
        await land(gate, stage.world.cloudflare)
        assert.equal(stage.world.zone.version(), before + 1)
        await stage.later(0)
        const found = stage.world.zone.rules().find(({ description }) => description === theirs.description)
        assert.equal(found?.expression, theirs.expression)
        stage.world.cloudflare.handEdit(stage.world.zone, (rules) => rules.filter(({ id }) => id !== found?.id))
        await stage.later(0)
        await assertAllHeld(stage)
      },
    )

    it(
      'while its status update is on its way acknowledges every alert once, whenever that lands',
      pointOf(kind, false),
      async () => {
        const gate = stage.world.elasticsearch.faults.hold(UPDATE)
        await stage.diesAtGate(gate, () => stage.send(3))
        await stage.revive()
        await assertAllHeld(stage)
        await land(gate, stage.world.elasticsearch)
        await assertAllHeld(stage)
      },
    )

    it(
      'after the status update was applied, before its answer came, acknowledges nothing twice',
      pointOf(kind, false),
      async () => {
        const gate = stage.world.elasticsearch.faults.holdAnswer(UPDATE)
        await stage.diesAtGate(gate, () => stage.send(3))
        gate.open()
        await stage.revive()
        await assertAllHeld(stage)
      },
    )

    it('three times at the same point fails no job for that', pointOf(kind, true), async () => {
      await stage.diesAt({ at: 'decision', when: 'after' }, () => stage.send(3))
      for (let again = 0; again < 2; again++) {
        await stage.reviveToDie({ at: 'decision', when: 'after' })
      }
      await stage.revive()
      await assertAllHeld(stage)
    })
  })
})

/** After any death: everything is healed, each alert was acknowledged once, and all that was ever accepted is held. */
async function assertAllHeld(stage: CrashStage): Promise<void> {
  const ledger = await assertHealed(stage)
  assertHeldByRule(stage, ledger, [...stage.accepted.values()])
  assertOthersUntouched(stage)
  const { changes } = stage.world.alerts
  assert.equal(changes.length, stage.accepted.size, 'changes of a status')
  const quota = ledger.records.settings.quota as { times: readonly string[] }
  assert.equal(quota.times.length, stage.accepted.size, 'bans that the quota counted')
}
