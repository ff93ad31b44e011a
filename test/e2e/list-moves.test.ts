import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FAST } from '../support/service.ts'
import { listedIn, OUR_RULE, stageFor } from '../support/service-stage.ts'
import { withStores } from '../support/stores.ts'
import { until } from '../support/stores-jobs.ts'

const ADDRESSES = Array.from({ length: 12 }, (_, i) => `203.0.113.${100 + i}`)

withStores((kind, place) => {
  describe(`from the rule to the list and back (${kind})`, () => {
    const stage = stageFor(place, { seams: { rate: FAST } })
    const account = () => stage.world.cloudflare.account
    const items = () => (account().list('portcullis') ? [...account().contents('portcullis').keys()] : [])
    const expression = () =>
      String(stage.world.zone.rules().find(({ description }) => description === OUR_RULE)?.expression)

    /** Looks all the time whether every address is stopped by the rule as it stands. */
    async function guarded(work: () => Promise<unknown>) {
      const lost = new Set<string>()
      const look = () => {
        const stopped = new Set([...listedIn(stage.world.zone.rules()), ...(named() ? items() : [])])
        for (const address of ADDRESSES) if (!stopped.has(address)) lost.add(address)
      }
      const named = () => expression().includes('$portcullis')
      const timer = setInterval(look, 1)
      try {
        await work()
        look()
      } finally {
        clearInterval(timer)
      }
      assert.deepEqual([...lost], [])
    }

    it('moves to the list with every ban held throughout, in few writes', async () => {
      const ids: string[] = []
      for (const sourceIp of ADDRESSES) ids.push(await stage.send({ sourceIp }))
      for (const id of ids) await stage.becomes(id, 'acknowledged', 'blocked')
      account().operations.takesMs = 100
      const puts = stage.world.zone.putTimes.length
      await guarded(async () => {
        await stage.restart({ CLOUDFLARE_TARGET: 'list' })
        await until(() => !listedIn(stage.world.zone.rules()).includes('203.0.113.100'))
      })
      assert.deepEqual(items().toSorted(), ADDRESSES)
      assert.match(expression(), /\(ip\.src in \$portcullis\)/)
      assert.equal(stage.world.zone.putTimes.length, puts + 1)
      assert.equal(account().operations.begun, 1)
    })

    it('bans go on in the list', async () => {
      const id = await stage.send({ sourceIp: '203.0.113.150' })
      await stage.becomes(id, 'acknowledged', 'blocked')
      assert.ok(items().includes('203.0.113.150'))
    })

    it('moves back with every ban held throughout, and empties the list of what it wrote', async () => {
      account().handEdit('portcullis', { add: [{ value: '192.0.2.99', comment: 'of a person' }] })
      await stage.service.app.tick()
      await guarded(async () => {
        await stage.restart({ CLOUDFLARE_TARGET: 'rule' })
        await until(async () => {
          await stage.service.app.tick()
          return items().join() === '192.0.2.99'
        })
      })
      assert.ok(!expression().includes('$portcullis'))
      assert.ok(listedIn(stage.world.zone.rules()).includes('192.0.2.99'))
      const { edges } = (await stage.order('GET', '/api/status')) as { edges: { name: string; held: number }[] }
      assert.deepEqual(
        edges.map(({ name }) => name),
        ['shop'],
      )
    })
  })
})
