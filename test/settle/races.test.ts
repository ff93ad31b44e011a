import { deepEqual, equal } from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import type { Rule } from '../../src/ports.ts'
import { interrupted } from '../support/fake-edge.ts'
import { editing, F, G } from '../support/settle-rules.ts'
import { adding, DAY, ownRule, removing, setting, settleWorld, termsIn, type World } from '../support/settle-world.ts'

const [A, B, C] = ['1.1.1.1', '2.2.2.2', '3.3.3.3']

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
    deepEqual(await world.held(), [A, B])
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
})
