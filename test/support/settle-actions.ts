import fc from 'fast-check'
import type { EdgeState } from '../../src/core/edge-state.ts'
import { digestOf, newestChange, sameRule } from '../../src/core/rules.ts'
import type { Rule } from '../../src/ports.ts'
import type { Fate } from './fake-edge.ts'
import { createOracle, type Intent } from './settle-oracle.ts'
import { type PassTask, startPass } from './settle-tasks.ts'
import {
  adding,
  DAY,
  deleting,
  HOUR,
  MINUTE,
  OURS,
  ownRule,
  removing,
  setting,
  settleWorld,
  termsIn,
  wiping,
  withTerms,
} from './settle-world.ts'

export const ADDRESSES = [...Array.from({ length: 7 }, (_, i) => `1.0.0.${i + 1}`), '2a00:1:2:3::/64']

const address = fc.nat(ADDRESSES.length - 1)
const holder = fc.constantFrom('one', 'two')
const few = fc.uniqueArray(address, { minLength: 1, maxLength: 2 })
const back = fc.integer({ min: 1, max: 6 })
const act = <K extends string, T extends object>(kind: K, rest: { [Key in keyof T]: fc.Arbitrary<T[Key]> }) =>
  fc.record<T>(rest).map((values) => ({ ...values, kind }))

/** Everything that may happen, in any order and at any moment of a pass. */
export const anyAction = fc.oneof(
  { weight: 6, arbitrary: act('alert', { address, hours: fc.constantFrom(1, null) }) },
  { weight: 1, arbitrary: act('operator', { address }) },
  { weight: 2, arbitrary: act('unban', { address }) },
  { weight: 3, arbitrary: act('advance', { ms: fc.constantFrom(MINUTE, 20 * MINUTE, 31_000, 2 * HOUR, DAY + HOUR) }) },
  { weight: 2, arbitrary: act('add', { some: few }) },
  { weight: 3, arbitrary: act('remove', { some: few }) },
  { weight: 1, arbitrary: act('both', { some: few, address }) },
  { weight: 2, arbitrary: act('stale', { back }) },
  { weight: 1, arbitrary: act('stale-add', { back, address }) },
  { weight: 1, arbitrary: act('wipe', {}) },
  { weight: 1, arbitrary: act('delete', {}) },
  { weight: 1, arbitrary: act('switch', {}) },
  { weight: 1, arbitrary: act('clause', {}) },
  { weight: 3, arbitrary: act('foreign', { how: fc.constantFrom('add', 'change', 'delete', 'move'), n: fc.nat(9) }) },
  { weight: 9, arbitrary: act('pass', { holder, calls: fc.oneof(fc.constant(99), fc.integer({ min: 1, max: 14 })) }) },
  { weight: 2, arbitrary: act('crash', { holder }) },
  { weight: 3, arbitrary: act('fate', { fate: fc.constantFrom<Fate>('answer-lost', 'refused', 'late', 'late') }) },
  { weight: 2, arbitrary: act('land', {}) },
  { weight: 1, arbitrary: act('fail', {}) },
  { weight: 1, arbitrary: act('forget', {}) },
)
export type Action = typeof anyAction extends fc.Arbitrary<infer A> ? A : never

/** Does it all, then lets everything come to rest, and asks the oracle. */
export async function live(actions: readonly Action[]): Promise<void> {
  const world = settleWorld()
  const oracle = createOracle()
  const watch = { raced: false }
  const tasks = new Map<string, PassTask>()
  const { edge, clock } = world
  const everListed = new Set<string>()
  const sent = new Set<string>()
  let made = 0
  /** For how long a pass may have stood still, and a PUT have been on its way. */
  let still = 0
  const now = () => clock.now().getTime()
  const look = () => {
    for (const rules of [edge.rules(), ...edge.sent.splice(0)]) {
      for (const term of termsIn(rules) ?? []) everListed.add(term)
      sent.add(digestOf(rules))
    }
  }
  const isQuiet = async () => {
    const state = (await world.state()) as EdgeState | undefined
    return [...tasks.values()].every((t) => t.done()) && (state?.base?.version ?? 0) === edge.version()
  }
  const hand = async (intent: Intent, change: (rules: readonly Rule[]) => readonly Rule[], from?: number) => {
    look()
    if (sent.has(digestOf(change(edge.at(from ?? edge.version()) ?? [])))) {
      // What a PUT of ours would have written, by hand: within moments of it nobody can tell the two apart.
      await stop()
      clock.advance(3 * MINUTE)
      // Deleting and moving rules stamps none of them, so that not even time tells.
      look()
      const [now, then] = [edge.rules(), change(edge.at(from ?? edge.version()) ?? [])]
      if (sent.has(digestOf(then)) && then.every((rule) => now.some((r) => sameRule(r, rule)))) return
    }
    const [before, listedBefore] = [edge.rules(), new Set(everListed)]
    edge.edit(change, from)
    look()
    oracle.edited({ before, after: edge.rules(), intent, everListed: listedBefore, now: now() })
  }
  const listed = (some: readonly number[]) =>
    some.map((i) => ADDRESSES[i] as string).filter((a) => termsIn(edge.rules())?.includes(a))
  const unlisted = (some: readonly number[]) =>
    some.map((i) => ADDRESSES[i] as string).filter((a) => !termsIn(edge.rules())?.includes(a))
  /** An old version of which our rule is a part, as it is now, and that is still remembered: a day is. */
  const oldVersion = (steps: number) => {
    const version = edge.version() - steps
    const old = edge.at(version)
    if (old === null || ownRule(old) === undefined || ownRule(edge.rules()) === undefined) return null
    return now() - Date.parse(newestChange(old) ?? '') < DAY ? version : null
  }
  const newRule = (): Rule => ({
    description: `rule ${++made}`,
    action: 'log',
    enabled: true,
    odd: { n: [made, null] },
  })

  await hand('other', () => [newRule(), newRule()])
  await world.pass()
  for (const action of actions) await perform(action)
  await rest()
  clock.advance(2 * HOUR)
  await rest()

  async function perform(action: Action): Promise<void> {
    switch (action.kind) {
      case 'alert': {
        const [name, durationMs] = [ADDRESSES[action.address] as string, action.hours && action.hours * HOUR]
        const quiet = await isQuiet()
        oracle.alerted(name, durationMs, await world.alert(name, { durationMs }), now(), quiet)
        return
      }
      case 'operator':
        oracle.operatorBanned(ADDRESSES[action.address] as string, await isQuiet())
        return world.operatorBan(ADDRESSES[action.address] as string)
      case 'unban':
        oracle.unbanned(ADDRESSES[action.address] as string, await isQuiet())
        return world.unban(ADDRESSES[action.address] as string)
      case 'advance':
        // Nothing stands still, or is on its way, for longer than a request may take.
        still += action.ms
        if (still > MINUTE) await stop()
        return clock.advance(action.ms)
      case 'add':
        if (unlisted(action.some).length > 0) await hand('terms', adding(...unlisted(action.some)))
        return
      case 'remove':
        if (listed(action.some).length > 0) await hand('terms', removing(...listed(action.some)))
        return
      case 'both': {
        const [out, into] = [listed(action.some), unlisted([action.address])]
        if (out.length === 0 || into.length === 0) return
        return hand(
          'terms',
          withTerms((terms) => [...terms.filter((t) => !out.includes(t)), ...into]),
        )
      }
      case 'stale':
      case 'stale-add': {
        const from = oldVersion(action.back)
        if (from === null) return
        if (action.kind === 'stale') return hand('stale', (rules) => [...rules, newRule()], from)
        return hand(
          'stale-and-terms',
          (rules) => [...adding(ADDRESSES[action.address] as string)(rules), newRule()],
          from,
        )
      }
      case 'wipe':
        if ((termsIn(edge.rules()) ?? []).length > 0) await hand('terms', wiping)
        return
      case 'delete':
        if (ownRule(edge.rules()) !== undefined) await hand('terms', deleting)
        return
      case 'switch': {
        const own = ownRule(edge.rules())
        return own === undefined ? undefined : hand('other', setting({ enabled: own.enabled === false }))
      }
      case 'clause': {
        const own = ownRule(edge.rules())
        return own === undefined
          ? undefined
          : hand('other', setting({ expression: `(http.host eq "h${++made}") or ${own.expression}` }))
      }
      case 'foreign':
        return hand('other', (rules) => foreignEdit(rules, action.how, action.n, newRule()))
      case 'pass': {
        const running = tasks.get(action.holder)
        const task = running === undefined || running.done() ? startPass(world, action.holder, watch) : running
        tasks.set(action.holder, task)
        await task.step(action.calls === 99 ? 500 : action.calls)
        return (await isQuiet()) ? oracle.accounted(now()) : undefined
      }
      case 'crash':
        await tasks.get(action.holder)?.crash()
        tasks.delete(action.holder)
        return
      case 'fate':
        edge.fates.push(action.fate)
        return
      case 'land':
        if (edge.late.length > 0) watch.raced = true
        return edge.land()
      case 'fail':
        edge.failingReads = 1
        return
      case 'forget':
        if (!(await isQuiet()) || edge.late.length > 0) oracle.blinded()
        return edge.forget()
    }
  }

  async function stop(): Promise<void> {
    for (const task of tasks.values()) await task.step(500)
    tasks.clear()
    still = 0
    while (edge.late.length > 0) await perform({ kind: 'land' })
  }

  async function rest(): Promise<void> {
    await stop()
    edge.fates.length = 0
    edge.failingReads = 0
    let report = await world.pass({ holder: 'last' })
    for (let i = 0; i < 12 && report.wrote; i++) report = await world.pass({ holder: 'last' })
    const version = edge.version()
    report = await world.pass({ holder: 'last' })
    if (report.wrote || edge.version() !== version) throw new Error('it does not come to rest')
    oracle.check({ rules: edge.rules(), state: report.state, now: now(), raced: watch.raced })
    await checkHeld(report.state)
  }

  async function checkHeld(state: string): Promise<void> {
    const terms = termsIn(edge.rules()) ?? []
    for (const ban of (await world.bans()).values()) {
      const expected = state === 'ok' && terms.includes(ban.address)
      const held = ban.edges[edge.port.name]?.held === true
      if (held !== expected) throw new Error(`${ban.address} is ${held ? '' : 'not '}reported held (${state})`)
    }
  }
}

function foreignEdit(rules: readonly Rule[], how: string, n: number, made: Rule): readonly Rule[] {
  const others = rules.filter((rule) => rule.description !== OURS)
  const target = others[n % Math.max(1, others.length)]
  if (how === 'add' || target === undefined) return rules.toSpliced(n % (rules.length + 1), 0, made)
  if (how === 'change') return rules.map((r) => (r === target ? { ...r, [`field${n % 3}`]: made.description } : r))
  const rest = rules.filter((rule) => rule !== target)
  return how === 'delete' ? rest : rest.toSpliced(n % (rest.length + 1), 0, target)
}
