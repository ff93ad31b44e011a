import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import type { Records, Rule } from '../../src/ports.ts'
import { interrupted } from '../support/fake-edge.ts'
import { editing, F, G } from '../support/settle-rules.ts'
import { DAY, HOUR, settleWorld, termsIn, type World } from '../support/settle-world.ts'

const [A, B, C] = ['1.1.1.1', '2.2.2.2', '3.3.3.3']

describe('when answers are lost and processes die', () => {
  let world: World
  const terms = () => termsIn(world.edge.rules())
  const rule = (name: string) => world.edge.rules().find((r) => r.description === name)
  /** A pass in which `meanwhile` happens between our read and each of the first PUTs. */
  const passWhile = (...meanwhile: (() => void | Promise<void>)[]) =>
    world.pass({ edge: interrupted(world.edge.port, meanwhile) })
  const banned = async (...addresses: string[]) => {
    for (const address of addresses) await world.alert(address, { durationMs: 10 * DAY })
    await world.pass()
  }
  beforeEach(async () => {
    world = settleWorld()
    world.edge.edit(() => [F, G])
    await banned(A)
    await world.alert(B)
  })

  it('closes the attempt whose answer was lost', async () => {
    world.edge.fates.push('answer-lost')
    await rejects(world.pass())
    deepEqual(await world.held(), [A])
    const { wrote } = await world.pass()
    equal(wrote, false)
    deepEqual(await world.held(), [A, B])
    deepEqual(
      (await world.bans()).get(B)?.reasons.map((r) => r.origin),
      ['alert'],
    )
  })

  it('repairs after a crash between the PUT and the ledger, by another holder, what the PUT overwrote', async () => {
    world.edge.fates.push('answer-lost')
    await rejects(passWhile(() => world.edge.edit(editing('F', { enabled: false }))))
    equal(rule('F')?.enabled, true)
    await world.pass({ holder: 'another' })
    equal(rule('F')?.enabled, false)
    deepEqual(terms(), [A, B])
  })

  it('an unban during a PUT stays an unban', async () => {
    await passWhile(() => world.unban(B))
    equal((await world.bans()).has(B), false)
    await world.pass()
    deepEqual(terms(), [A])
  })

  it('says nothing yet of a ban that came to be during a PUT', async () => {
    await passWhile(async () => void (await world.alert(C)))
    deepEqual((await world.bans()).get(C)?.edges, {})
    await world.pass()
    deepEqual(await world.held(), [A, B, C])
  })

  it('refuses the late ledger writes of a holder that was taken over, and repairs what he overwrote', async () => {
    let other: Promise<unknown> = Promise.resolve()
    await rejects(
      passWhile(() => {
        world.clock.advance(31_000)
        other = world.alert(C).then(() => world.pass({ holder: 'another' }))
        return other.then(() => undefined)
      }),
      { name: 'LeaseLostError' },
    )
    deepEqual(terms(), [A, B])
    await world.pass({ holder: 'another' })
    deepEqual(terms(), [A, B, C])
    deepEqual(await world.held(), [A, B, C])
  })

  it('waits while another instance holds the edge, and takes over when its lease has run out', async () => {
    const begun = world.clock.now().getTime()
    const never = new Promise<void>(() => undefined)
    void passWhile(() => never)
    for (let i = 0; i < 50; i++) await null
    await world.pass({ holder: 'another' })
    ok(world.clock.now().getTime() - begun >= 30_000)
    deepEqual(terms(), [A, B])
  })

  it('does not write under the epoch of an instance that took over just after it had taken the lease itself', async () => {
    await world.pass({ holder: 'another' })
    await world.alert(C)
    const { records } = world
    const stalling: Records = {
      ...records,
      async commit(change) {
        const written = await records.commit(change)
        if (world.clock.now() < stalled && change.put?.some(({ collection }) => collection === 'epochs')) {
          world.clock.advance(31_000)
          await world.pass({ holder: 'another' })
        }
        return written
      },
    }
    const stalled = new Date(world.clock.now().getTime() + 1)
    await world.pass({ records: stalling })
    equal((await records.get<{ holder: string }>('epochs', ['shop'])).get('shop')?.doc.holder, 'one')
  })

  it('takes an older version than it knows for a stale answer, not for a person', async () => {
    const old = { id: 'x', version: 1, rules: [] as Rule[] }
    const id = (await world.edge.port.read())?.id ?? ''
    await rejects(world.pass({ edge: { ...world.edge.port, read: async () => ({ ...old, id }) } }), /older/)
    deepEqual(await world.held(), [A])
  })

  it('fails on a read that fails, and holds what it held', async () => {
    world.edge.failingReads = 1
    await rejects(world.pass(), /502/)
    deepEqual(await world.held(), [A])
    await world.pass()
    deepEqual(await world.held(), [A, B])
  })

  it('makes the entry point where it is missing, also after it was deleted with all its versions', async () => {
    const fresh = settleWorld()
    await fresh.alert(A, { durationMs: HOUR })
    await fresh.pass()
    deepEqual(termsIn(fresh.edge.rules()), [A])
    fresh.edge.edit((rules) => [F, ...rules])
    await fresh.pass()
    fresh.edge.remove()
    fresh.edge.edit(() => [G])
    await fresh.alert(B)
    await fresh.pass()
    deepEqual(
      fresh.edge.rules().map((r) => r.description),
      ['G', 'webserver scanning block'],
    )
    deepEqual(termsIn(fresh.edge.rules()), [A, B])
  })

  it('writes nothing on what it read before its lease ran out, even if nobody took over', async () => {
    const slow = {
      ...world.edge.port,
      read: async () => {
        const head = await world.edge.port.read()
        world.clock.advance(31_000)
        return head
      },
    }
    await rejects(world.pass({ edge: slow }), { name: 'LeaseLostError' })
    deepEqual(terms(), [A])
  })
})
