import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { EdgeState } from '../../src/core/edge-state.ts'
import { assertHealed, assertHeldByRule, assertNoted, historyIn, sendHeld } from '../support/crash-checks.ts'
import { LETTING_GO, type Point } from '../support/crash-points.ts'
import { crashStage, pointOf, withCrashStores } from '../support/crash-stage.ts'
import { OUR_RULE } from '../support/service-stage.ts'

const PUT = { method: 'PUT' }

const ORDERS: Readonly<Record<string, Point>> = {
  'while it goes into the ledger': { at: 'lifting', when: 'during' },
  'once it is in the ledger': { at: 'lifting', when: 'after' },
  ...LETTING_GO,
}

const HANDS: Readonly<Record<string, Point>> = {
  'before it is in the ledger': { at: 'release', when: 'before' },
  'while it goes into the ledger': { at: 'release', when: 'during' },
  'once it is in the ledger': { at: 'release', when: 'after' },
}

withCrashStores((kind, place) => {
  describe(`a process killed over a release (${kind})`, () => {
    const stage = crashStage(place, { duration: '24h' })
    const gone: string[] = []
    const standing = () => [...stage.accepted.values()].filter((address) => !gone.includes(address))
    const lift = (address: string) => stage.life.order('DELETE', `/api/bans/${address}`)
    const takeOut = (address: string) =>
      stage.world.cloudflare.handEdit(stage.world.zone, (rules) =>
        rules.map((rule) =>
          rule.description === OUR_RULE
            ? { ...rule, expression: String(rule.expression).replace(` ${address}`, '') }
            : rule,
        ),
      )
    async function assertReleased(address: string, noted: 'lifted' | 'released'): Promise<void> {
      gone.push(address)
      const ledger = await assertHealed(stage)
      assertHeldByRule(stage, ledger, standing())
      assert.ok(address in ledger.records.released, `${address} is not kept from bans`)
      assertNoted(historyIn(ledger), noted, [address])
    }

    it(
      'before an order is in the ledger, unanswered, leaves the ban, and the order given again is done',
      pointOf(kind, false),
      async () => {
        const [address = ''] = await sendHeld(stage, 3)
        await stage.diesAt({ at: 'lifting', when: 'before' }, () => lift(address))
        await stage.revive()
        assertHeldByRule(stage, await assertHealed(stage), standing())
        await lift(address)
        await assertReleased(address, 'lifted')
      },
    )

    for (const [moment, point] of Object.entries(ORDERS))
      it(
        `by an order, ${moment}, lifts the ban once, here and at the edge`,
        pointOf(kind, point.when === 'during'),
        async () => {
          const [address = ''] = await sendHeld(stage, 1)
          await stage.diesAt(point, () => lift(address))
          await stage.revive()
          // What was on its way to the store has arrived as a whole or not at all; unanswered, it is given again.
          const ledger = await assertHealed(stage)
          if (point.when === 'during' && !(address in ledger.records.released)) {
            assertHeldByRule(stage, ledger, standing())
            await lift(address)
          }
          await assertReleased(address, 'lifted')
        },
      )

    it(
      'by an order, after the PUT was applied, before its answer came, lifts the ban once',
      pointOf(kind, false),
      async () => {
        const [address = ''] = await sendHeld(stage, 1)
        const gate = stage.world.cloudflare.faults.holdAnswer(PUT)
        await stage.diesAtGate(gate, async () => void lift(address).catch(() => undefined))
        await stage.revive()
        await assertReleased(address, 'lifted')
      },
    )

    for (const [moment, point] of Object.entries(HANDS))
      it(
        `by a person's hand, ${moment}, takes it over once, and puts nothing back`,
        pointOf(kind, point.when === 'during'),
        async () => {
          const [, address = ''] = await sendHeld(stage, 2)
          takeOut(address)
          await stage.diesAt(point, () => stage.later(0))
          await stage.revive()
          await assertReleased(address, 'released')
        },
      )

    it(
      'while it puts back a rule that somebody deleted takes its own write for no second deletion',
      pointOf(kind, false),
      async () => {
        stage.world.cloudflare.handEdit(stage.world.zone, (rules) =>
          rules.filter(({ description }) => description !== OUR_RULE),
        )
        await stage.diesAtGate(stage.world.cloudflare.faults.holdAnswer(PUT), async () => void stage.later(0))
        await stage.revive()
        const ledger = await assertHealed(stage)
        assertHeldByRule(stage, ledger, standing())
        assert.equal((ledger.records.edges.shop as EdgeState).contested, null)
      },
    )
  })
})
