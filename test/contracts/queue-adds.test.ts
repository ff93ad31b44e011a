import { deepEqual, rejects } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { shareAdds } from '../../src/adapters/queue-adds.ts'

describe('adds that share a write', () => {
  function setUp() {
    const writes: string[][] = []
    const ends: (() => void)[] = []
    const failing = new Set<string>()
    const add = shareAdds(async (items: readonly string[]) => {
      writes.push([...items])
      await new Promise<void>((resolve) => ends.push(resolve))
      if (items.some((item) => failing.has(item))) throw new Error('no room')
    })
    return { add, writes, failing, end: () => ends.shift()?.() }
  }
  const turn = () => new Promise((resolve) => setImmediate(resolve))

  it('are written at once when none is under way, else together with the next, and answered when that is durable', async () => {
    const { add, writes, end } = setUp()
    const answered: string[] = []
    const adding = [['a'], ['b', 'c'], ['d']].map((items) => add(items).then(() => answered.push(...items)))
    await turn()
    deepEqual([writes, answered], [[['a']], []])
    end()
    await turn()
    deepEqual([writes, answered], [[['a'], ['b', 'c', 'd']], ['a']])
    end()
    await Promise.all(adding)
    deepEqual(answered, ['a', 'b', 'c', 'd'])
  })

  it('fail together, and not those after them', async () => {
    const { add, failing, end } = setUp()
    failing.add('b')
    const [first, second, third] = [add(['a']), add(['b']), add(['c'])]
    end()
    await first
    end()
    await Promise.all([rejects(second, /no room/), rejects(third, /no room/)])
    const fourth = add(['d'])
    end()
    await fourth
  })
})
