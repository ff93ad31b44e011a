import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { commentOf } from '../../src/core/list-item.ts'
import type { Edge } from '../../src/ports.ts'
import { LIST, type ListWorld, listWorld } from '../support/list-world.ts'
import { adding, DAY, deleting, HOUR, MINUTE, ownRule, setting } from '../support/settle-world.ts'

const SIX = ['1.1.1.1', '2.2.2.2', '3.3.3.3', '4.4.4.4', '5.5.5.5', '6.6.6.6']
const [A, B, C] = SIX as [string, string, string]
const OTHERS = 'portcullis ffffffffffff: something, for good'

describe('people’s hands on a list', () => {
  let world: ListWorld
  beforeEach(() => {
    world = listWorld()
  })
  const held = () => world.held(LIST)
  async function holding(...addresses: string[]) {
    for (const address of addresses) await world.alert(address, { durationMs: 100 * DAY })
    await world.settle()
    deepEqual(await held(), [...addresses].sort())
  }

  it('what a person takes out is released on all edges', async () => {
    await holding(A, B)
    world.list.take(A)
    const { gone } = await world.settleList()
    deepEqual(gone, [A])
    equal(await world.alert(A), 'released')
    deepEqual(world.texts(), [B])
  })

  it('what a person puts in is adopted, for all edges, and an end of ours never takes it out', async () => {
    await world.alert(A, { durationMs: HOUR })
    await world.settle()
    world.list.put(B, 'mine')
    world.list.put(A, 'mine, too')
    await world.settle()
    deepEqual(await held(), [A, B])
    deepEqual(
      (await world.bans()).get(B)?.reasons.map(({ origin, id, edges }) => ({ origin, id, edges })),
      [{ origin: 'edge', id: LIST, edges: null }],
    )
    world.clock.advance(2 * HOUR)
    await world.settle()
    deepEqual(await held(), [A, B])
    equal(world.list.items()?.get(B)?.comment, 'mine')
  })

  it('a person’s entry that is lifted by an order goes, and is no new entry; put in again it is one', async () => {
    await holding(A)
    world.list.put(B)
    await world.settle()
    await world.unban(B)
    await world.settle()
    deepEqual(world.texts(), [A])
    world.list.put(B)
    await world.settle()
    deepEqual(await held(), [A, B])
  })

  it('adopts what stands there at first sight, loudly, and leaves alone what another Portcullis wrote', async () => {
    world.list.make()
    world.list.put(A, 'from before')
    world.list.put(B, OTHERS)
    await world.alert(C)
    await world.settle()
    deepEqual(world.heard.find(({ event }) => event === 'adopted')?.data.addresses, [A])
    deepEqual(world.texts(), [A, B, C])
    deepEqual(await held(), [A, C])
  })

  it('observing: says what it would adopt at first sight, and touches nothing', async () => {
    world.observing = true
    world.list.make()
    world.list.put(A)
    await world.settle()
    deepEqual(world.heard.find(({ event }) => event === 'wouldAdopt')?.data.addresses, [A])
    equal((await world.bans()).size, 0)
    deepEqual(world.texts(), [A])
  })

  it('writes anew what only another Portcullis had in the list and took out: nobody let it out', async () => {
    world.list.make()
    world.list.put(A, OTHERS)
    await holding(A)
    equal(world.list.sent.length, 0)
    world.list.take(A)
    await world.settle()
    deepEqual(await held(), [A])
    match(world.list.items()?.get(A)?.comment ?? '', /^portcullis (?!f{12})/)
  })

  it('emptied, it is put back once; emptied again within a day, it is contested until `resume`', async () => {
    await holding(...SIX)
    world.list.take(...SIX)
    await world.settle()
    deepEqual(await held(), SIX)
    equal(world.count('putBack'), 1)
    world.list.take(...SIX)
    equal((await world.settleList()).state, 'edge-contested')
    deepEqual([await held(), world.texts()], [[], []])
    await world.settleList()
    deepEqual(world.texts(), [])
    await world.resume(LIST)
    await world.settle()
    deepEqual(await held(), SIX)
  })

  it('a crash between the decision to put back and the writing is no second time', async () => {
    await holding(...SIX)
    world.list.take(...SIX)
    world.list.fates.push('refused')
    await world.settleList().catch(() => undefined)
    world.restart()
    await world.settle()
    deepEqual(await held(), SIX)
  })

  it('emptied again more than a day later, it is put back again', async () => {
    await holding(...SIX)
    for (let day = 0; day < 2; day++) {
      world.list.take(...SIX)
      await world.settle()
      deepEqual(await held(), SIX)
      world.clock.advance(DAY + MINUTE)
    }
  })

  it('a contest is over when most of what was taken out is back', async () => {
    await holding(...SIX)
    for (let n = 0; n < 2; n++) {
      world.list.take(...SIX)
      await world.settle()
    }
    for (const text of SIX.slice(0, 4)) world.list.put(text, 'back again')
    await world.settle()
    deepEqual(await held(), SIX)
  })

  it('deleted, it is contested at once and holds nothing; `resume` makes it anew', async () => {
    await holding(A, B)
    world.list.remove()
    equal((await world.settleList()).state, 'edge-contested')
    deepEqual(await held(), [])
    await world.settle()
    deepEqual(await world.held('shop'), [])
    equal(world.list.items(), null)
    await world.resume(LIST)
    await world.settle()
    deepEqual(
      [await held(), await world.held('shop')],
      [
        [A, B],
        [A, B],
      ],
    )
  })

  it('deleted and made again by a person, it is filled again', async () => {
    await holding(A, B)
    world.list.remove()
    await world.settle()
    world.list.make()
    await world.settle()
    deepEqual(await held(), [A, B])
  })

  it('a ban inside a wider one is written when that one is let out: it only rode on it', async () => {
    await world.operatorBan('9.9.0.0/16')
    await holding('9.9.9.9', '9.9.0.0/16').catch(() => undefined)
    deepEqual(world.texts(), ['9.9.0.0/16'])
    world.list.take('9.9.0.0/16')
    await world.settle()
    deepEqual([await held(), world.texts()], [['9.9.9.9'], ['9.9.9.9']])
  })

  it('the clause: taken out of our rule it is put back once, then contested until it is back', async () => {
    await holding(A)
    const expression = () => String(ownRule(world.edge.rules())?.expression)
    equal(expression(), '(ip.src in $portcullis)')
    const without = setting({ expression: 'ip.src eq 192.0.2.1' })
    world.edge.edit(without)
    await world.settleZone()
    equal(expression(), '(ip.src in $portcullis)')
    world.edge.edit(without)
    equal((await world.settleZone()).state, 'edge-contested')
    deepEqual(await world.held('shop'), [])
    equal(expression(), 'ip.src eq 192.0.2.1')
    world.edge.edit(setting({ expression: '((ip.src in $portcullis)) or ssl' }))
    await world.settleZone()
    deepEqual(await world.held('shop'), [A])
    equal(expression(), '((ip.src in $portcullis)) or ssl')
  })

  it('our rule deleted with the clause comes back once; switched off it holds nothing', async () => {
    await holding(A)
    world.edge.edit(deleting)
    await world.settleZone()
    ok(ownRule(world.edge.rules()))
    world.edge.edit(setting({ enabled: false }))
    equal((await world.settleZone()).state, 'edge-disabled')
    deepEqual([await world.held('shop'), await held()], [[], [A]])
    world.edge.edit(deleting)
    equal((await world.settleZone()).state, 'edge-contested')
  })

  it('a person’s entry in the rule stays in the rule, of this zone alone', async () => {
    await holding(A)
    world.edge.edit(adding(B))
    await world.settle()
    deepEqual([world.texts(), await world.held('shop')], [[A], [A, B]])
    match(String(ownRule(world.edge.rules())?.expression), /\$portcullis.*2\.2\.2\.2/)
  })

  it('rules of others: held while one in force names the list, taken on trust where they cannot be read', async () => {
    const { watchZone } = await import('../../src/pipeline/zone-watch.ts')
    const watch = (edge: Edge = world.edge.port) =>
      watchZone(world.deps({ edge, list: { name: 'portcullis', wanted: true } }))
    await world.alert(A)
    await world.settleList()
    equal((await watch()).state, 'edge-unreferenced')
    const theirs = { description: 'theirs', action: 'managed_challenge', expression: 'ip.src in $portcullis and ssl' }
    world.edge.edit((rules) => [...rules, { ...theirs, enabled: false }])
    equal((await watch()).state, 'edge-unreferenced')
    deepEqual(await world.held('shop'), [])
    world.edge.edit((rules) => rules.map((rule) => ({ ...rule, enabled: true })))
    equal((await watch()).state, 'ok')
    deepEqual(await world.held('shop'), [A])
    equal(world.edge.sent.length, 0)
    const { RefusedError } = await import('../../src/errors.ts')
    const unseen = () => Promise.reject(new RefusedError('cloudflare', '403'))
    const report = await watch({ ...world.edge.port, read: unseen })
    deepEqual([report.state, report.unseen], ['ok', true])
  })

  it('a comment is one plain line of at most 500 characters', () => {
    const reason = { origin: 'alert', id: 'x', at: '', durationMs: HOUR, until: null, edges: null } as const
    const note = `evil\u0000\n\u202erule ${'x'.repeat(900)}`
    const ban = { address: A, offence: 1, reasons: [{ ...reason, note }], createdAt: '', lastSeen: '', edges: {} }
    const comment = commentOf(ban, 'abcdefabcdef', new Date('2026-03-01T00:00:00Z'))
    match(comment, /^portcullis abcdefabcdef: evil rule x+, until 2026-03-01T01:00Z$/)
    ok(comment.length <= 500)
  })
})
