import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { assertHealed, assertHeldByRule } from '../support/crash-checks.ts'
import { crashStage, withCrashStores } from '../support/crash-stage.ts'
import { soak } from '../support/soak.ts'

// What a dead holder leaves taken: an edge for 30 s, a job for 15 s and the 5 s until somebody looks.
const TAKEN_MS = 30_000
// Its start, on a busy machine.
const SLACK_MS = 20_000

withCrashStores((kind, place) => {
  describe(`a process killed in the middle of a pass, nothing hastened (${kind})`, {
    skip: !soak && 'with SOAK=1',
  }, () => {
    const stage = crashStage(place, { duration: '24h', atLength: true })

    it('has its alerts blocked and acknowledged as soon as its lease has run out', { timeout: 120_000 }, async (t) => {
      await stage.diesAt({ at: 'attempt', when: 'after' }, () => stage.send(3))
      const died = Date.now()
      await stage.revive()
      const ledger = await assertHealed(stage)
      const ms = Date.now() - died
      t.diagnostic(`healed ${(ms / 1000).toFixed(1)} s after its death`)
      assertHeldByRule(stage, ledger, [...stage.accepted.values()])
      assert.ok(ms < (kind === 'embedded' ? 0 : TAKEN_MS) + SLACK_MS, `it took ${ms} ms`)
    })
  })
})
