import { deepEqual, ok } from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { interrupted } from '../support/fake-edge.ts'
import { DAY, HOUR, MINUTE, OURS, settleWorld, termsIn, type World } from '../support/settle-world.ts'

// SETTLE_RUNS lets the fresh seed soak, SETTLE_SEED repeats one.
const freshRuns = Number(process.env.SETTLE_RUNS ?? (process.env.CI ? 0 : 200))
const fresh = Number(process.env.SETTLE_SEED ?? Date.now() % 2 ** 31)

const ADDRESSES = Array.from({ length: 12 }, (_, i) => `1.0.0.${i + 1}`)
const some = fc.uniqueArray(fc.nat(ADDRESSES.length - 1), { minLength: 1, maxLength: 8 })
const which = fc.constantFrom(0, 1)
const hours = fc.constantFrom(1, 1, 2, 24)
const action = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('alerts' as const), which, some, hours }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('pass' as const), which }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('collide' as const), which }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('rule' as const), change: fc.boolean() }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(MINUTE, 20 * MINUTE, HOUR) }),
  },
)
type Action = typeof action extends fc.Arbitrary<infer A> ? A : never
const story = fc.array(action, { minLength: 1, maxLength: 30, size: 'max' })
const holds = (seed: number, numRuns: number) => fc.assert(fc.asyncProperty(story, live), { seed, numRuns })

describe('two Portcullis with stores of their own, on one zone, block nobody for longer than the longer ban, and lose nobody’s rule', () => {
  it('in the stories of seed 7', () => holds(7, 120))
  if (freshRuns > 0) it(`in stories that are new each time (SETTLE_SEED=${fresh})`, () => holds(fresh, freshRuns))
})

async function live(actions: readonly Action[]): Promise<void> {
  const first = settleWorld()
  const worlds = [first, settleWorld({ beside: first })] as [World, World]
  const { edge, clock } = first
  const ends = new Map<string, number>()
  const rules: string[] = []
  for (const action of actions) await perform(action)
  await turns()
  check()
  clock.advance(3 * DAY)
  await turns()
  check()
  deepEqual(termsIn(edge.rules()) ?? [], [])

  async function perform(act: Action): Promise<void> {
    switch (act.kind) {
      case 'alerts':
        for (const i of act.some) {
          const address = ADDRESSES[i] as string
          const refusal = await worlds[act.which]?.alert(address, { durationMs: act.hours * HOUR })
          const end = clock.now().getTime() + act.hours * HOUR
          if (refusal === null) ends.set(address, Math.max(end, ends.get(address) ?? 0))
        }
        return
      case 'pass':
        await worlds[act.which]?.pass()
        return
      case 'collide': {
        const [one, other] = [worlds[act.which] as World, worlds[1 - act.which] as World]
        await one.pass({ edge: interrupted(edge.port, [async () => void (await other.pass())]) })
        return
      }
      case 'rule':
        if (act.change || rules.length === 0) {
          const description = `rule ${rules.length}`
          rules.push(description)
          edge.edit((all) => [...all, { description, action: 'log', enabled: true, expression: 'ssl' }])
        } else {
          rules.pop()
          edge.edit((all) => all.filter(({ description }) => description !== `rule ${rules.length}`))
        }
        return
      case 'wait':
        // Every edge is read every minute.
        await turns()
        clock.advance(act.ms)
        await turns()
        check()
    }
  }

  async function turns(): Promise<void> {
    for (let i = 0; i < 3; i++) for (const world of worlds) await world.pass()
  }

  function check(): void {
    const now = clock.now().getTime()
    for (const term of termsIn(edge.rules()) ?? []) {
      // A ban's clock starts when it is first held: a pass later than its alert at most.
      ok(now <= (ends.get(term) ?? 0) + 2 * HOUR, `${term} is still blocked at ${clock.now().toISOString()}`)
    }
    const others = edge.rules().map(({ description }) => description)
    deepEqual(
      others.filter((name) => name !== OURS),
      rules,
    )
  }
}
