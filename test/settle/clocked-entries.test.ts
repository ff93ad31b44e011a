import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { clockedEntries } from '../../src/core/clocked-entries.ts'
import { HOUR, MINUTE, OURS, settleWorld, type World } from '../support/settle-world.ts'

describe('entries that come and go by the clock', () => {
  it('show another Portcullis with a store of its own on the same rule', async () => {
    const [one, other] = [settleWorld(), settleWorld()]
    await minutes(210, [one, other], async (minute) => {
      if (minute % 20 === 0) await other.alert(`1.0.0.${minute / 20 + 1}`, { durationMs: HOUR })
      if (minute % 30 === 7) await one.alert(`2.0.0.${minute}`, { durationMs: 30 * MINUTE })
    })
    const found = clockedEntries(await one.state())
    assert.ok(found !== null && Math.abs(found.lengthMs - HOUR) <= 2 * MINUTE)
    assert.ok(found.addresses.length >= 3 && found.addresses.every((address) => address.startsWith('1.0.0.')))
    const back = clockedEntries(await other.state())
    assert.ok(back !== null && Math.abs(back.lengthMs - 30 * MINUTE) <= 2 * MINUTE)
  })

  it('are not what people leave who edit as they please, nor what we do ourselves', async () => {
    const one = settleWorld()
    await minutes(300, [one], async (minute) => {
      if (minute % 15 === 0) await one.alert(`2.0.0.${minute / 15 + 1}`, { durationMs: HOUR })
      // A batch in, one by one out, and another batch out at once.
      if (minute === 10) edit(one, (terms) => [...terms, '3.0.0.1', '3.0.0.2', '3.0.0.3', '3.0.0.4', '3.0.0.5'])
      if ([40, 65, 110].includes(minute)) edit(one, (terms) => terms.filter((t) => t !== `3.0.0.${(minute % 3) + 1}`))
      if (minute === 200) edit(one, (terms) => terms.filter((t) => !t.startsWith('3.')))
    })
    assert.equal(clockedEntries(await one.state()), null)
  })
})

/** Passes of all, minute by minute, over the edge of the first. */
async function minutes(
  count: number,
  worlds: readonly World[],
  each: (minute: number) => Promise<void>,
): Promise<void> {
  const edge = worlds[0]?.edge.port
  for (let minute = 0; minute < count; minute++) {
    await each(minute)
    for (const world of worlds) {
      await world.pass(edge === undefined ? {} : { edge })
      world.clock.advance(MINUTE)
    }
  }
}

function edit({ edge }: World, change: (terms: string[]) => string[]): void {
  edge.edit((rules) =>
    rules.map((rule) => {
      if (rule.description !== OURS) return rule
      const terms = /\{(.*)\}/.exec(String(rule.expression))?.[1]?.split(' ') ?? []
      return { ...rule, expression: `(ip.src in {${change(terms).join(' ')}})` }
    }),
  )
}
