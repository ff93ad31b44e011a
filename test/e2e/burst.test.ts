import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseExpression } from '../../src/core/expression/parse.ts'
import { startWorld, type World } from '../../src/simulator/world.ts'
import { startAll } from '../support/service.ts'
import { startProcess } from '../support/service-process.ts'
import { addressOf, listedIn, OUR_RULE, termsOf } from '../support/service-stage.ts'
import { withStores } from '../support/stores.ts'
import { until } from '../support/stores-jobs.ts'

const ALERTS = 200
const CONCURRENCY = 20

withStores((kind, place) => {
  describe(`a burst (${kind})`, () => {
    it('costs a handful of PUTs, and every alert is acknowledged', { timeout: 60_000 }, async (t) => {
      const { world, service } = await startAll(t, place, { world: { cloudflare: { latencyMs: 20 } } })
      const addresses = numbered(0)
      const ids = addresses.map((sourceIp) => world.alerts.add({ sourceIp }))
      await inParallel(ids, async (id) => assert.equal((await service.post(world.webhook([id]))).status, 202))
      await allAcknowledged(world, ids, 20_000)
      assert.deepEqual(missingFrom(world, addresses), [])
      assert.ok(world.zone.putTimes.length <= 6, `${world.zone.putTimes.length} PUTs`)
      assert.equal(world.zone.overlappingPuts, 0)
    })
  })
})

withStores((kind, place) => {
  describe(`a process that dies (${kind})`, () => {
    it('loses nothing, and nothing is acknowledged before it is held', { timeout: 120_000 }, async (t) => {
      const world = await startWorld({ cloudflare: { latencyMs: 20 } })
      t.after(() => world.close())
      const first = await startProcess(world, place.config())
      t.after(() => first.kill())
      const addresses = numbered(0)
      const ids = addresses.map((sourceIp) => world.alerts.add({ sourceIp }))
      await inParallel(ids, async (id) => assert.equal((await first.post(world.webhook([id]))).status, 202))
      await first.kill()
      const second = await startProcess(world, place.config())
      t.after(() => second.kill())
      await allAcknowledged(world, ids, 60_000)
      assert.deepEqual(missingFrom(world, addresses), [])
      assertHeldBefore(world, ids, addresses)
      await second.kill()
    })
  })
})

withStores((kind, place) => {
  describe(`SIGTERM in the middle of a burst (${kind})`, () => {
    it('ends within 8 s, and the next start finishes the work', { timeout: 120_000 }, async (t) => {
      const world = await startWorld({ cloudflare: { latencyMs: 100 } })
      t.after(() => world.close())
      const first = await startProcess(world, place.config())
      t.after(() => first.kill())
      const addresses = numbered(0)
      const ids = addresses.map((sourceIp) => world.alerts.add({ sourceIp }))
      const accepted: string[] = []
      const posting = inParallel(ids, async (id) => {
        const answer = await first.post(world.webhook([id])).catch(() => null)
        if (answer?.status === 202) accepted.push(id)
      })
      await until(() => accepted.length >= 60)
      const { code, ms } = await first.terminate()
      await posting
      assert.equal(code, 0)
      assert.ok(ms < 8_500, `it took ${ms} ms`)
      const second = await startProcess(world, place.config())
      t.after(() => second.kill())
      await allAcknowledged(world, accepted, 30_000)
      assertHeldBefore(world, ids, addresses)
      await second.kill()
    })
  })
})

withStores((kind, place) => {
  describe(`another client's hand (${kind})`, () => {
    it('loses none of 50 edits that race with 50 alerts, and no ban is lost', { timeout: 60_000 }, async (t) => {
      const { world, service } = await startAll(t, place, {
        world: { cloudflare: { latencyMs: 5 }, ruleQuota: 100 },
      })
      const addresses = numbered(0).slice(0, 50)
      const ids = addresses.map((sourceIp) => world.alerts.add({ sourceIp }))
      const edits = new Editor(world)
      await Promise.all([inParallel(ids, async (id) => void (await service.post(world.webhook([id])))), edits.make(50)])
      await allAcknowledged(world, ids, 40_000)
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

function numbered(from: number): string[] {
  return Array.from({ length: ALERTS }, (_, n) => addressOf(from + n))
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items]
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item)
    }),
  )
}

async function allAcknowledged(world: World, ids: readonly string[], withinMs: number): Promise<void> {
  await until(() => ids.every((id) => world.alerts.status(id) === 'acknowledged'), withinMs).catch(() => {
    const open = ids.filter((id) => world.alerts.status(id) !== 'acknowledged')
    const tags = [...new Set(open.flatMap((id) => world.alerts.tags(id)))]
    assert.fail(`${open.length} of ${ids.length} alerts are still open [${tags}]`)
  })
}

function missingFrom(world: World, addresses: readonly string[]): string[] {
  const held = new Set(termsOf(world))
  return addresses.filter((address) => !held.has(address))
}

/** Each acknowledgement came after the zone had a version that lists the address. */
function assertHeldBefore(world: World, ids: readonly string[], addresses: readonly string[]): void {
  const since = new Map<string, number>()
  for (const { version, rules } of world.zone.history()) {
    const own = rules.find((rule) => rule.description === OUR_RULE)
    const at = Date.parse(String(world.zone.render(version, { rules: false })?.last_updated))
    for (const term of parseExpression(String(own?.expression)).terms)
      if (!since.has(term.text)) since.set(term.text, at)
  }
  for (const change of world.alerts.changes) {
    const address = addresses[ids.indexOf(change.id)] ?? ''
    assert.ok((since.get(address) ?? Number.POSITIVE_INFINITY) <= change.at, `${address} was acknowledged unheld`)
  }
}
