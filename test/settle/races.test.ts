import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import type { Edge, Rule } from '../../src/ports.ts'
import {
  adding,
  DAY,
  deleting,
  HOUR,
  ownRule,
  removing,
  setting,
  settleWorld,
  termsIn,
  type World,
} from '../support/settle-world.ts'

const [A, B, C] = ['1.1.1.1', '2.2.2.2', '3.3.3.3']
const F = { description: 'F', action: 'log', expression: 'ssl', enabled: true }
const G = {
  description: 'G',
  action: 'skip',
  action_parameters: { ruleset: 'current' },
  expression: 'not ssl',
  enabled: true,
}
const editing = (description: string, fields: Record<string, unknown>) => (rules: readonly Rule[]) =>
  rules.map((r) => (r.description === description ? { ...r, ...fields } : r))

describe('when somebody else writes at the same time', () => {
  let world: World
  const terms = () => termsIn(world.edge.rules())
  const names = () => world.edge.rules().map((r) => r.description)
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

  it('applies again what it overwrote: a rule added, changed, deleted, moved', async () => {
    const added = { description: 'H', action: 'log', expression: 'ssl', enabled: false, odd: { deep: [1, null] } }
    await passWhile(() => world.edge.edit((rules) => [added, ...rules]))
    deepEqual(names(), ['H', 'F', 'G', 'webserver scanning block'])
    deepEqual(rule('H')?.odd, added.odd)
    await world.alert(C)
    await passWhile(() => world.edge.edit(editing('F', { enabled: false, note: 'x' })))
    equal(rule('F')?.note, 'x')
    await world.alert('4.4.4.4')
    await passWhile(() => world.edge.edit((rules) => rules.filter((r) => r.description !== 'H')))
    deepEqual(names(), ['F', 'G', 'webserver scanning block'])
    await world.alert('5.5.5.5')
    await passWhile(() => world.edge.edit(([f, g, own]) => [own as Rule, g as Rule, f as Rule]))
    deepEqual(names(), ['webserver scanning block', 'G', 'F'])
    deepEqual(terms(), [A, B, C, '4.4.4.4', '5.5.5.5'])
    equal((await world.pass()).wrote, false)
  })

  it('adopts and releases in a version that it overwrote', async () => {
    await passWhile(() => world.edge.edit(adding(C)))
    deepEqual(terms(), [A, B, C])
    await world.alert('4.4.4.4')
    await passWhile(() => world.edge.edit(removing(C)))
    deepEqual(terms(), [A, B, '4.4.4.4'])
    equal(await world.alert(C), 'released')
  })

  it('switches our rule off again when a person did so in the very version that we overwrote', async () => {
    const report = await passWhile(() => world.edge.edit(setting({ enabled: false })))
    equal(ownRule(world.edge.rules())?.enabled, false)
    equal(report.state, 'edge-disabled')
    deepEqual(await world.held(), [])
  })

  it('brings foreign clauses back that a person added to our rule in the version that we overwrote', async () => {
    await passWhile(() => world.edge.edit(setting({ expression: 'ip.src eq 1.1.1.1 or (ssl and x)' })))
    equal(ownRule(world.edge.rules())?.expression, '(ssl and x) or (ip.src in {1.1.1.1 2.2.2.2})')
  })

  it('repairs after five collisions in new passes', async () => {
    let n = 0
    const again = () => world.edge.edit((rules) => [...rules, { ...F, description: `more ${n++}` }])
    const report = await passWhile(...Array.from({ length: 6 }, () => again))
    equal(report.state, 'edge-busy')
    await world.pass()
    deepEqual(names().sort(), [
      'F',
      'G',
      'more 0',
      'more 1',
      'more 2',
      'more 3',
      'more 4',
      'more 5',
      'webserver scanning block',
    ])
    deepEqual(await world.held(), [A, B])
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

  it('gives back a later edit that a PUT which lands late overwrites', async () => {
    world.edge.fates.push('late')
    await rejects(world.pass())
    world.edge.edit(editing('F', { enabled: false }))
    world.edge.edit(adding(C))
    await world.pass()
    deepEqual(terms(), [A, B, C])
    world.edge.land()
    equal(rule('F')?.enabled, true)
    deepEqual(terms(), [A, B])
    await world.pass()
    equal(rule('F')?.enabled, false)
    deepEqual(terms(), [A, B, C])
    equal((await world.pass()).wrote, false)
  })

  it('does not undo what the person did since with what is owed to him', async () => {
    world.edge.fates.push('late')
    await rejects(world.pass())
    world.edge.edit(editing('F', { note: 'first' }))
    world.edge.land()
    world.edge.edit(editing('F', { note: 'second' }))
    await world.pass()
    equal(rule('F')?.note, 'second')
  })

  it('does not owe what the person has done again by himself', async () => {
    world.edge.fates.push('late')
    await rejects(world.pass())
    world.edge.edit(editing('F', { note: 'first' }))
    world.edge.land()
    world.edge.edit(editing('F', { note: 'first' }))
    await world.pass()
    world.edge.edit(editing('F', { note: 'second' }))
    await world.pass()
    await world.alert(C)
    await world.pass()
    equal(rule('F')?.note, 'second')
  })

  it('a rule switched off and deleted stays away although a PUT lands late', async () => {
    world.edge.fates.push('late')
    await rejects(world.pass())
    world.edge.edit(setting({ enabled: false }))
    world.edge.edit(deleting)
    world.edge.land()
    await world.pass()
    equal(terms(), null)
    equal((await world.pass()).state, 'edge-contested')
    deepEqual(await world.held(), [])
  })

  it('gives other people’s rules back also while the edge is contested', async () => {
    world.edge.edit(setting({ enabled: false }))
    world.edge.edit(deleting)
    await world.pass()
    await world.resume()
    world.edge.fates.push('late')
    await rejects(world.pass())
    world.edge.edit(editing('F', { note: 'kept' }))
    world.edge.edit((rules) => [
      ...rules,
      { description: 'webserver scanning block', action: 'block', enabled: false, expression: 'ip.src eq 1.1.1.1' },
    ])
    world.edge.edit(deleting)
    world.edge.land()
    await world.pass()
    await world.pass()
    equal(rule('F')?.note, 'kept')
  })

  it('an unban during a PUT stays an unban', async () => {
    await passWhile(() => world.unban(B))
    equal((await world.bans()).has(B), false)
    await world.pass()
    deepEqual(terms(), [A])
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
})

/** The edge, but the n-th PUT waits for the n-th thing that happens meanwhile. */
function interrupted(edge: Edge, meanwhile: readonly (() => void | Promise<void>)[]): Edge {
  let n = 0
  return {
    ...edge,
    async write(rules) {
      await meanwhile[n++]?.()
      return edge.write(rules)
    },
  }
}
