import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Offence } from '../../src/core/decide.ts'
import { HELD_AT_FIRST } from '../../src/simulator/world.ts'
import { assertHealed, assertNoted, historyIn, sendHeld } from '../support/crash-checks.ts'
import type { Ledger } from '../support/crash-life.ts'
import { LETTING_GO, type Point } from '../support/crash-points.ts'
import { type CrashStage, crashStage, pointOf, withCrashStores } from '../support/crash-stage.ts'
import { termsOf } from '../support/service-stage.ts'

const HOUR = 3600_000

const ENDS: Readonly<Record<string, Point>> = {
  'before it is out of the ledger': { at: 'ending', when: 'before' },
  'while it goes out of the ledger': { at: 'ending', when: 'during' },
  'once it is out of the ledger': { at: 'ending', when: 'after' },
  ...LETTING_GO,
}

withCrashStores((kind, place) => {
  describe(`a process killed over a ban's end (${kind})`, () => {
    const stage = crashStage(place, { duration: '1h' })

    for (const [moment, point] of Object.entries(ENDS))
      it(`${moment}, ends it once, here and at the edge`, pointOf(kind, point.when === 'during'), async () => {
        const addresses = await sendHeld(stage, 2)
        await stage.diesAt(point, () => stage.later(HOUR))
        await stage.revive()
        assertEnded(stage, await assertHealed(stage), addresses)
      })

    it(
      'after the PUT was applied, before its answer came, ends it once, here and at the edge',
      pointOf(kind, false),
      async () => {
        const addresses = await sendHeld(stage, 2)
        await stage.diesAtGate(
          stage.world.cloudflare.faults.holdAnswer({ method: 'PUT' }),
          async () => void stage.later(HOUR),
        )
        await stage.revive()
        assertEnded(stage, await assertHealed(stage), addresses)
      },
    )
  })
})

/** No ban of an alert is left, each was an offence that ended once, and no alert was opened again. */
function assertEnded(stage: CrashStage, ledger: Ledger, addresses: readonly string[]): void {
  assert.deepEqual(termsOf(stage.world).sort(), [...HELD_AT_FIRST].sort())
  assert.deepEqual(Object.keys(ledger.records.bans).sort(), [...HELD_AT_FIRST].sort())
  for (const address of addresses) {
    const { count, how } = ledger.records.offences[address] as Offence
    assert.deepEqual([count, how], [1, 'ended'])
  }
  for (const kind of ['ended', 'taken-out']) assertNoted(historyIn(ledger), kind, addresses)
  assert.equal(stage.world.alerts.changes.length, stage.accepted.size)
}
