import type { Config } from './config.ts'
import { listEdge } from './core/list-edge.ts'
import { messageOf } from './errors.ts'
import { settleList } from './pipeline/list-pass.ts'
import type { ListMemory } from './pipeline/list-pass-types.ts'
import { retireList } from './pipeline/list-retire.ts'
import { settleOnce } from './pipeline/pass.ts'
import type { PassDeps, PassReport } from './pipeline/pass-types.ts'
import { watchZone } from './pipeline/zone-watch.ts'
import type { Edge } from './ports.ts'
import type { AddressList } from './ports-list.ts'

export interface Passes {
  /** One pass over each edge, by its name. */
  readonly passes: ReadonlyMap<string, () => Promise<PassReport>>
  /** The list, which the zones lean on; undefined: bans are in the rules. */
  readonly first: string | undefined
  /** Addresses that an edge was last seen to list beside what its record says; null: not known, or said there. */
  listed(edge: string): readonly string[] | null
  /** Ends what an earlier CLOUDFLARE_TARGET=list has left; once every zone has been settled. */
  tidy(): Promise<void>
}

/** Which passes there are, as CLOUDFLARE_TARGET and CLOUDFLARE_MANAGE_RULE say. */
export function createPasses(
  { cloudflare }: Pick<Config, 'cloudflare'>,
  given: {
    readonly edges: readonly Edge[]
    /** null: no account is configured. */
    readonly list: AddressList | null
    readonly common: Omit<PassDeps, 'edge' | 'rule' | 'list'>
  },
): Passes {
  const { edges, list, common } = given
  const usesList = cloudflare.target === 'list' && list !== null
  const memory: ListMemory = { seen: null }
  const { rule: description, action, expressionLimit } = cloudflare
  const ruleOf = (edge: Edge) => ({ description, action, limit: edge.limit?.() ?? expressionLimit })
  const link = list === null ? undefined : { name: list.name, wanted: usesList }
  const pass = usesList && !cloudflare.manageRule ? watchZone : settleOnce
  const zones = edges.map(
    (edge) => [edge.name, () => pass({ ...common, edge, rule: ruleOf(edge), list: link })] as const,
  )
  const lists = usesList ? [[listEdge(list.name), () => settleList({ ...common, list, memory })] as const] : []
  let tidied = false
  return {
    passes: new Map([...lists, ...zones]),
    first: usesList ? listEdge(list.name) : undefined,
    listed: (edge) => (usesList && edge === listEdge(list.name) && memory.seen ? [...memory.seen.items.keys()] : null),
    async tidy() {
      if (tidied || usesList || list === null) return
      try {
        tidied = await retireList({ ...common, list, zones: edges.map(({ name }) => name) })
      } catch (error) {
        // No part of the work refuses us: bans need no list any more.
        throw new Error(`what was written into the list ${list.name} cannot be taken out: ${messageOf(error)}`)
      }
    },
  }
}
