import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { assertHealed, assertHeld, assertNoted, historyIn, land } from '../support/crash-checks.ts'
import type { Point } from '../support/crash-points.ts'
import { type CrashStage, crashStage, pointOf, withCrashStores } from '../support/crash-stage.ts'
import { until } from '../support/stores-jobs.ts'

const HOUR = 3600_000
const LIST = 'portcullis'
const EDGE = `list:${LIST}`
const ITEMS = { method: 'POST', path: /\/items$/ }
const THEIRS = { value: '192.0.2.77', comment: 'seen in the logs' }

const DEATHS: Readonly<Record<string, Point>> = {
  'before the operation is recorded': { at: 'attempt', when: 'before' },
  'after the operation is recorded, before it is posted': { at: 'attempt', when: 'after' },
  'after the operation was posted, before its id is recorded': { at: 'operation', when: 'before' },
  'after the operation was posted, before it is asked for its end': { at: 'operation', when: 'after' },
  'after the operation has ended, before that is recorded': { at: 'listVerdict', when: 'before' },
  'once the end of the operation is recorded': { at: 'listVerdict', when: 'after' },
}

withCrashStores((kind, place) => {
  describe(`a process killed over an account's list (${kind})`, () => {
    const stage = crashStage(place, { duration: '1h', env: { CLOUDFLARE_TARGET: 'list' } })
    const account = () => stage.world.cloudflare.account

    it('after it was made, before the answer came, finds it and makes no other', pointOf(kind, true), async () => {
      const gate = stage.world.cloudflare.faults.holdAnswer({ method: 'POST', path: /\/lists$/ })
      await stage.diesAtGate(gate, () => stage.send(3))
      await stage.revive()
      await assertAllListed(stage)
      assert.deepEqual(
        account()
          .lists()
          .map(({ name }) => name),
        ['office', LIST],
      )
      account().handEdit(LIST, { add: [THEIRS] })
      // Long enough for a restart to find it under way.
      account().operations.takesMs = 1_500
    })

    for (const [moment, point] of Object.entries(DEATHS))
      it(
        `${moment}, ends with every alert blocked and acknowledged`,
        pointOf(kind, point.at === 'operation' && point.when === 'after'),
        async () => {
          await stage.diesAt(point, () => stage.send(3))
          await stage.revive()
          await assertAllListed(stage, THEIRS)
        },
      )

    it(
      'after the operation was begun, before its answer came, ends with every alert blocked and acknowledged',
      pointOf(kind, false),
      async () => {
        await stage.diesAtGate(stage.world.cloudflare.faults.holdAnswer(ITEMS), () => stage.send(3))
        await stage.revive()
        await assertAllListed(stage, THEIRS)
      },
    )

    it(
      'while its operation is on its way, which begins after the restart, ends the same',
      pointOf(kind, false),
      async () => {
        const gate = stage.world.cloudflare.faults.hold(ITEMS)
        await stage.diesAtGate(gate, () => stage.send(3))
        await stage.revive()
        await assertAllListed(stage, THEIRS)
        await land(gate, stage.world.cloudflare)
        await stage.later(0)
        account().operations.finish()
        await stage.later(0)
        await assertAllListed(stage, THEIRS)
      },
    )

    for (const [moment, point] of Object.entries({
      'before the removal is posted': { at: 'attempt', when: 'after' },
      'after the removal was posted, before its id is recorded': { at: 'operation', when: 'before' },
      'after the removal was posted, before it is asked for its end': { at: 'operation', when: 'after' },
      'after the removal has ended, before that is recorded': { at: 'letGo', when: 'before' },
    } satisfies Record<string, Point>))
      it(
        `over a ban's end, ${moment}, ends it once`,
        pointOf(kind, point.at === 'operation' && point.when === 'after'),
        async () => {
          await stage.send(2)
          await assertHealed(stage)
          const before = Object.keys((await stage.ledger()).records.bans).filter((a) =>
            account().contents(LIST).get(a)?.startsWith('portcullis'),
          )
          await stage.diesAt(point, () => stage.later(HOUR))
          await stage.revive()
          // Each minute's pass looks whether the operation is over.
          await until(async () => {
            await stage.later(0)
            return account().contents(LIST).size === 1
          })
          await stage.later(0)
          const ledger = await assertHealed(stage)
          assert.deepEqual([...account().contents(LIST)], [[THEIRS.value, THEIRS.comment]])
          assertNoted(historyIn(ledger), 'ended', before)
          assertNoted(historyIn(ledger), 'taken-out', before, EDGE)
          assert.equal(stage.world.alerts.changes.length, stage.accepted.size)
        },
      )
  })
})

/** The list holds what was ever accepted and what people put there; everything was there before it was acknowledged. */
async function assertAllListed(stage: CrashStage, theirs?: typeof THEIRS): Promise<void> {
  const ledger = await assertHealed(stage)
  const { account } = stage.world.cloudflare
  const addresses = [...stage.accepted.values()]
  const items = account.contents(LIST)
  assert.deepEqual([...items.keys()].sort(), [...addresses, ...(theirs ? [theirs.value] : [])].sort())
  if (theirs) assert.equal(items.get(theirs.value), theirs.comment)
  assert.deepEqual([...account.contents('office')], [['192.0.2.64/28', 'the office']])
  assertHeld(ledger, addresses, EDGE)
  const since = account.list(LIST)?.items
  for (const { id, at } of stage.world.alerts.changes) {
    const address = stage.addressOf(id)
    assert.ok(Number(since?.get(address)?.created) <= at, `${address} was acknowledged unheld`)
  }
  assert.equal(stage.world.alerts.changes.length, stage.accepted.size, 'changes of a status')
}
