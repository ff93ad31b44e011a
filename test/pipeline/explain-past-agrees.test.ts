import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Alert } from '../../src/core/alert.ts'
import type { Ban } from '../../src/core/ban.ts'
import { alertAt, MINUTE, NARROW, replay, START } from '../support/past.ts'
import { pipelineWorld } from '../support/service-pipeline.ts'
import { blocking } from '../support/service-stage.ts'

describe('the past, explained,', () => {
  it('agrees with the service that lives through the same alerts', async () => {
    const story = fc.array(
      fc.record({ minute: fc.integer({ min: 0, max: 26 * 60 }), attacker: fc.integer({ min: 1, max: 9 }) }),
      { minLength: 1, maxLength: 40 },
    )
    await fc.assert(
      fc.asyncProperty(story, async (events) => {
        const sent = events
          .toSorted((a, b) => a.minute - b.minute)
          .map(({ minute, attacker }, n) => {
            const suspect = attacker === 9 ? '10.0.0.1' : `198.51.100.${attacker + 10}`
            return alertAt(minute * MINUTE + n, suspect, n)
          })
        const [lived, explained] = [await live(sent), await replay(sent, { maxBansPerHour: 5 })]
        assert.deepEqual(explained.outcomes, lived.outcomes)
        assert.deepEqual(Object.fromEntries(explained.bans.addresses.map((a) => [a.address, a.bans])), lived.bans)
        assert.equal(explained.bans.peak.count, lived.peak)
        assert.equal(explained.edges[0]?.peak.count, lived.used)
      }),
      { numRuns: 4 },
    )
  })
})

/** The same alerts through the whole pipeline, minute by minute. */
async function live(alerts: readonly Alert[]) {
  const world = pipelineWorld({
    playbook: blocking('[1h, 5h]'),
    env: { MAX_BANS_PER_HOUR: '5', CLOUDFLARE_EXPRESSION_LIMIT: String(NARROW), ALLOW_DOCUMENTATION_RANGES: 'true' },
  })
  const begun = new Map<string, Set<string>>()
  let [peak, used] = [0, 0]
  const look = async () => {
    const bans = (await world.records.all<Ban>('bans')).map(({ doc }) => doc)
    for (const { address, reasons } of bans) {
      const until = reasons[0]?.until
      if (until) begun.set(address, (begun.get(address) ?? new Set()).add(until))
    }
    peak = Math.max(peak, bans.filter((ban) => ban.edges.shop?.held).length)
    const rule = world.edges[0]?.rules().find(({ description }) => description === 'webserver scanning block')
    used = Math.max(used, bans.length === 0 ? 0 : String(rule?.expression ?? '').length)
  }
  let next = 0
  for (let minute = 0; minute <= 2 * 24 * 60; minute++) {
    while (next < alerts.length && Date.parse(alerts[next]?.time ?? '') < START + (minute + 1) * MINUTE) {
      const alert = alerts[next++] as Alert
      world.clock.advance(Date.parse(alert.time ?? '') - world.clock.now().getTime())
      await world.queue.run(await world.deliver(alert.suspects[0] ?? '', alert))
      await world.background()
      await look()
    }
    world.clock.advance(START + (minute + 1) * MINUTE - 1 - world.clock.now().getTime())
    await world.tick()
    for (const { id } of alerts.slice(0, next)) {
      const state = world.queue.state(id)
      if (state === 'waiting' || state === 'delayed') await world.queue.run(id)
    }
    await look()
  }
  const outcomes: Record<string, number> = {}
  for (const { id } of alerts) {
    const outcome = (await world.record(id))?.outcome ?? 'edge-full'
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
  }
  return { outcomes, peak, used, bans: Object.fromEntries([...begun].map(([address, ends]) => [address, ends.size])) }
}
