import { listEdge } from '../../src/core/list-edge.ts'
import type { ListState } from '../../src/core/list-state.ts'
import { settleList } from '../../src/pipeline/list-pass.ts'
import type { ListMemory, ListPassDeps } from '../../src/pipeline/list-pass-types.ts'
import { retireList } from '../../src/pipeline/list-retire.ts'
import type { PassDeps, PassReport } from '../../src/pipeline/pass-types.ts'
import { type FakeList, fakeList } from './fake-list.ts'
import { settleWorld, type World } from './settle-world.ts'

export const LIST = listEdge('portcullis')

/** A world of one zone whose bans are in an account's list. */
export interface ListWorld extends World {
  readonly list: FakeList
  /** What this process remembers of the list; a restart forgets it. */
  memory: ListMemory
  listDeps(overrides?: Partial<ListPassDeps>): ListPassDeps
  settleList(overrides?: Partial<ListPassDeps>): Promise<PassReport>
  /** A pass over the zone: in list mode, or in rule mode. */
  settleZone(mode?: 'list' | 'rule', overrides?: Partial<PassDeps>): Promise<PassReport>
  /** The list first, then the zone, as every minute. */
  settle(): Promise<void>
  /** As every minute in rule mode; answers whether the list is done with. */
  settleBack(): Promise<boolean>
  restart(): void
  listState(): Promise<ListState>
  /** Texts in the list, sorted. */
  texts(): string[]
}

export function listWorld(): ListWorld {
  const base = settleWorld()
  const list = fakeList('portcullis', base.clock.now)
  const world: ListWorld = Object.assign(base, {
    list,
    memory: { seen: null } as ListMemory,
    listDeps(overrides: Partial<ListPassDeps> = {}): ListPassDeps {
      const { edge: _edge, rule: _rule, list: _list, ...common } = world.deps()
      return { ...common, list: list.port, memory: world.memory, ...overrides }
    },
    settleList: (overrides?: Partial<ListPassDeps>) => settleList(world.listDeps(overrides)),
    settleZone: (mode: 'list' | 'rule' = 'list', overrides: Partial<PassDeps> = {}) =>
      world.pass({ list: { name: 'portcullis', wanted: mode === 'list' }, ...overrides }),
    async settle() {
      await world.settleList()
      await world.settleZone()
    },
    async settleBack() {
      await world.settleZone('rule')
      return retireList({ ...world.listDeps(), zones: ['shop'] })
    },
    restart() {
      world.memory = { seen: null }
    },
    listState: async () => (await world.state(LIST)) as ListState,
    texts: () => [...(list.items()?.keys() ?? [])].sort(),
  })
  return world
}
