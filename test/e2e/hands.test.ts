import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { World } from '../../src/simulator/world.ts'
import { FAST, startAll } from '../support/service.ts'
import { allAcknowledged, inParallel, missingFrom, numbered } from '../support/service-burst.ts'
import { listedIn, OUR_RULE } from '../support/service-stage.ts'
import { withStores } from '../support/stores.ts'

withStores((kind, place) => {
  describe(`another client's hand (${kind})`, () => {
    it('loses none of 50 edits that race with 50 alerts, and no ban is lost', { timeout: 150_000 }, async (t) => {
      const { world, service } = await startAll(t, place, {
        world: { cloudflare: { latencyMs: 5 }, ruleQuota: 100 },
        seams: { rate: FAST },
      })
      const addresses = numbered(50)
      const ids = addresses.map((sourceIp) => world.alerts.add({ sourceIp }))
      const edits = new Editor(world)
      await Promise.all([inParallel(ids, async (id) => void (await service.post(world.webhook([id])))), edits.make(50)])
      await allAcknowledged(world, ids, 100_000)
      await service.app.tick()
      assert.deepEqual(missingFrom(world, addresses), [])
      assert.deepEqual(edits.lost(), [])
    })
  })
})

/** Another client that writes over the API: it adds rules, changes its own, and adds addresses to ours. */
class Editor {
  readonly #world: World
  readonly #entries: string[] = []
  constructor(world: World) {
    this.#world = world
  }
  async make(edits: number): Promise<void> {
    for (let n = 0; n < edits; n++) {
      const entry = `192.0.2.${n + 2}`
      this.#world.cloudflare.handEdit(this.#world.zone, (rules) =>
        n % 2 === 0
          ? [...rules, { action: 'log', description: `edit ${n}`, enabled: true, expression: `ip.src eq ${entry}` }]
          : rules.map((rule) =>
              rule.description === OUR_RULE
                ? { ...rule, expression: `${rule.expression} or (ip.src eq ${entry})` }
                : rule,
            ),
      )
      this.#entries.push(entry)
      await new Promise((resolve) => setTimeout(resolve, 15))
    }
  }
  lost(): string[] {
    const rules = this.#world.zone.rules()
    const listed = listedIn(rules)
    return this.#entries.filter((entry, n) =>
      n % 2 === 0 ? !rules.some((rule) => rule.description === `edit ${n}`) : !listed.includes(entry),
    )
  }
}
