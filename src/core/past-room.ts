import { type Ban, isWantedOn } from './ban.ts'
import { expressionLength, serializeExpression } from './expression/serialize.ts'
import { plan } from './plan.ts'

/** Where bans would have been written. `limit`: characters of our rules; null: a list, of which only the items are counted. */
export interface PastEdge {
  readonly name: string
  readonly limit: number | null
}

export interface Room {
  readonly edge: string
  readonly used: number
  readonly waiting: number
}

export interface RoomChange {
  /** Bans that were just decided, as they were then. */
  readonly came: readonly Ban[]
  /** Bans that ended. */
  readonly went: readonly Ban[]
  /** All that stand now. */
  readonly bans: ReadonlyMap<string, Ban>
  readonly now: Date
}

/** The room of one edge, given out as `plan` does. */
export interface PastRoom extends Room {
  /** Addresses whose place is decided by this change, and whether they have one now. */
  give(change: RoomChange): readonly (readonly [address: string, holds: boolean])[]
}

export function createPastRoom({ name, limit }: PastEdge): PastRoom {
  const waiting = new Set<string>()
  let used = limit === null ? 0 : EMPTY
  let simple = true

  /** Where no ban covers another, `plan` gives room to one after the other, the last seen first: so does this, much faster. */
  function giveInTurn(asking: readonly string[], freed: boolean, bans: ReadonlyMap<string, Ban>): [string, boolean][] {
    const turn = (freed ? [...waiting, ...asking] : asking).toSorted(lastSeenFirst(bans))
    return turn.map((address) => {
      const size = sizeOf(address, limit)
      const fits = limit === null || used + size <= limit
      if (fits) used += size
      if (fits) waiting.delete(address)
      else waiting.add(address)
      return [address, fits]
    })
  }

  return {
    edge: name,
    get used() {
      return used
    },
    get waiting() {
      return waiting.size
    },
    give({ came, went, bans, now }) {
      const freed = went.filter((ban) => !waiting.delete(ban.address) && ban.edges[name]?.held === true)
      for (const { address } of freed) used -= sizeOf(address, limit)
      simple &&= !came.some(({ address }) => isWide(address))
      const asking = came.flatMap(({ address }) => {
        const ban = bans.get(address)
        const asks = ban !== undefined && isWantedOn(ban, name, now) && !ban.edges[name]?.held && !waiting.has(address)
        return asks ? [address] : []
      })
      if (simple || limit === null) return giveInTurn(asking, freed.length > 0, bans)
      const wanted = [...bans.values()].filter((ban) => isWantedOn(ban, name, now))
      const planned = plan({ ...{ edge: name, bans: wanted, limit, now }, current: [], clauses: [], observing: false })
      used = wanted.length === 0 ? EMPTY : planned.used
      waiting.clear()
      for (const address of [...planned.waiting, ...planned.displaced]) waiting.add(address)
      return wanted.map(({ address }) => [address, !waiting.has(address)])
    },
  }
}

function lastSeenFirst(bans: ReadonlyMap<string, Ban>): (a: string, b: string) => number {
  return (a, b) => {
    const [x, y] = [bans.get(a)?.lastSeen ?? '', bans.get(b)?.lastSeen ?? '']
    return x < y ? 1 : x > y ? -1 : a < b ? -1 : 1
  }
}

/** Of these, one may cover another. */
function isWide(address: string): boolean {
  return address.includes('/') && !address.endsWith('/64')
}

function sizeOf(address: string, limit: number | null): number {
  // With the blank before it.
  return limit === null ? 1 : expressionLength(address) + 1
}

/** What an expression has beside its terms, less the blank that the first does not need. */
const EMPTY = expressionLength(serializeExpression({ terms: ['::'], clauses: [] })) - '::'.length - 1
