import { deepEqual, equal, ok } from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { settleOnce } from '../../src/pipeline/pass.ts'
import { fakeEdge } from '../support/fake-edge.ts'
import {
  adding,
  DAY,
  HOUR,
  MINUTE,
  OURS,
  ownRule,
  removing,
  setting,
  settleWorld,
  termsIn,
  type World,
} from '../support/settle-world.ts'

const [A, B, C, D] = ['1.1.1.1', '2.2.2.2', '3.3.3.3', '4.4.4.4']
/** `(ip.src in {})` and so many addresses of seven characters. */
const roomFor = (addresses: number) => 14 + 8 * addresses - 1

describe('the life of a ban at the edge', () => {
  let world: World
  const terms = () => termsIn(world.edge.rules())
  const why = async (address: string) => (await world.bans()).get(address)?.edges.shop?.why
  beforeEach(() => {
    world = settleWorld()
  })

  it('its clock starts when it is first held, and it ends by the clock', async () => {
    await world.alert(A, { durationMs: HOUR })
    equal((await world.bans()).get(A)?.reasons[0]?.until, null)
    world.clock.advance(30 * MINUTE)
    await world.pass()
    const begun = world.clock.now().getTime()
    equal((await world.bans()).get(A)?.reasons[0]?.until, new Date(begun + HOUR).toISOString())
    world.clock.advance(HOUR - 1)
    await world.pass()
    deepEqual(terms(), [A])
    world.clock.advance(1)
    const { gone } = await world.pass()
    deepEqual(gone, [A])
    deepEqual(terms(), [])
    equal((await world.bans()).size, 0)
  })

  it('a ban that finds no place within MAX_ALERT_AGE lapses; one for ever that was held once does not', async () => {
    await world.alert(A, { durationMs: null })
    await world.pass()
    world.edge.edit(setting({ enabled: false }))
    await world.alert(B, { durationMs: null })
    await world.pass()
    world.clock.advance(DAY + MINUTE)
    await world.pass()
    deepEqual([...(await world.bans()).keys()], [A])
    equal(world.heard.find(({ event }) => event === 'ended')?.data.how, 'lapsed')
  })

  it('asks the guards again in every pass: who becomes allowlisted is lifted', async () => {
    await world.alert(A)
    await world.operatorBan(B)
    await world.pass()
    world.allowlist = [{ text: '1.1.1.0/24', note: 'friends' }]
    await world.pass()
    deepEqual(terms(), [B])
    equal(world.heard.find(({ event }) => event === 'ended')?.data.how, 'allowlisted')
  })

  it('gives room to people’s entries, operators’ bans, held automatic bans, waiting ones by last seen', async () => {
    world.limit = roomFor(2)
    await world.alert(A)
    await world.pass()
    world.clock.advance(MINUTE)
    await world.alert(B)
    world.clock.advance(MINUTE)
    await world.alert(C)
    await world.pass()
    deepEqual(terms(), [A, C])
    deepEqual([await why(A), await why(B), await why(C)], ['', 'edge-full', ''])
    const { wrote } = await world.pass()
    equal(wrote, false)
    await world.unban(A)
    await world.pass()
    deepEqual(terms(), [B, C])
  })

  it('displaces the held automatic ban that was least recently seen when an operator’s ban needs its place', async () => {
    world.limit = roomFor(2)
    await world.alert(A)
    world.clock.advance(MINUTE)
    await world.alert(B)
    await world.pass()
    await world.operatorBan(C)
    const { displaced } = await world.pass()
    deepEqual(displaced, [A])
    deepEqual(terms(), [B, C])
    equal(world.count('displaced'), 1)
    deepEqual((await world.pass()).displaced, [])
  })

  it('never drops people’s entries for lack of room, not even where they are more than the limit', async () => {
    world.limit = roomFor(2)
    await world.alert(A)
    await world.pass()
    world.edge.edit(adding(B, C, D))
    await world.pass()
    deepEqual(terms(), [B, C, D])
    deepEqual(await world.held(), [B, C, D])
    equal(await why(A), 'displaced')
    equal((await world.pass()).wrote, false)
  })

  it('leaves a person’s entry its place when a wider ban that covers it finds none', async () => {
    world.limit = roomFor(2)
    world.edge.edit(adding(A))
    await world.pass()
    await world.alert(B)
    await world.pass()
    await world.alert('1.1.1.0/24')
    await world.pass()
    ok(terms()?.includes(A))
    ok(terms()?.includes(B))
    equal(await why('1.1.1.0/24'), 'edge-full')
  })

  it('counts foreign clauses of a rule that it puts back among the characters', async () => {
    const [...six] = Array.from({ length: 6 }, (_, i) => `7.0.0.${i}`)
    for (const address of six) await world.alert(address)
    await world.pass()
    const clause = `http.host eq "${'x'.repeat(40)}"`
    world.edge.edit(setting({ expression: `${clause} or ${ownRule(world.edge.rules())?.expression}` }))
    await world.pass()
    world.limit = String(ownRule(world.edge.rules())?.expression).length
    world.edge.edit((rules) => rules.filter((rule) => rule.description !== OURS))
    await world.alert(A)
    await world.pass()
    const expression = String(ownRule(world.edge.rules())?.expression)
    ok(expression.startsWith(clause))
    ok(expression.length <= world.limit, expression)
  })

  it('observing: keeps what stands in a rule that was switched off and on', async () => {
    await world.alert('1.0.0.9', { durationMs: HOUR })
    await world.pass()
    world.observing = true
    const switched = (enabled: boolean) =>
      world.edge.edit((rules) => rules.map((r) => (r.description === OURS ? { ...r, enabled } : r)))
    switched(false)
    equal((await world.pass()).state, 'edge-disabled')
    switched(true)
    await world.pass()
    deepEqual(await world.held(), ['1.0.0.9'])
  })

  it('observing: reports what it would adopt, writes nothing new, but still ends bans', async () => {
    world.edge.edit(adding(A))
    world.observing = true
    const version = world.edge.version()
    await world.pass()
    equal(world.count('wouldAdopt'), 1)
    equal(world.edge.version(), version)
    world.observing = false
    await world.alert(B)
    await world.pass()
    await world.alert(C)
    world.observing = true
    await world.pass()
    deepEqual(terms(), [A, B])
    equal(await why(C), 'observing')
    world.clock.advance(2 * HOUR)
    await world.pass()
    deepEqual(terms(), [A])
  })

  it('a release at one edge lets go everywhere, also where a person had entered it', async () => {
    const other = fakeEdge('blog', world.clock.now)
    const both = async () => {
      const reports = [await world.pass(), await settleOnce(world.deps({ edge: other.port }))]
      return reports
    }
    await world.alert(A)
    await both()
    other.edit(adding(A))
    await both()
    deepEqual(termsIn(other.rules()), [A])
    world.edge.edit(removing(A))
    await both()
    deepEqual([terms(), termsIn(other.rules())], [[], []])
    equal(await world.alert(A), 'released')
  })

  it('a person’s entry is wanted at his edge alone, and takes no room at another', async () => {
    const other = fakeEdge('blog', world.clock.now)
    world.edge.edit(adding(A))
    await world.pass()
    await settleOnce(world.deps({ edge: other.port }))
    deepEqual(termsIn(other.rules()), null)
  })

  it('holds a range that a person wrote as he wrote it', async () => {
    world.edge.edit((rules) => [
      ...rules,
      { description: OURS, action: 'block', enabled: true, expression: 'ip.src in {5.5.5.1..5.5.5.9}' },
    ])
    await world.alert(A)
    await world.pass()
    equal(ownRule(world.edge.rules())?.expression, '(ip.src in {5.5.5.1..5.5.5.9 1.1.1.1})')
  })
})
