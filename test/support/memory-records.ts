import type { Change, Collection, Records, Stored } from '../../src/ports.ts'

interface Kept {
  readonly rev: number
  /** JSON, so that nobody changes what is stored by changing what he was given. */
  readonly text: string
  readonly expires: Date | null
}

/** The ledger's records in memory, exact in what the port promises and fast enough for thousands of interleavings. */
export function memoryRecords(): Records {
  const collections = new Map<Collection, Map<string, Kept>>()
  let revision = 0
  const of = (name: Collection) => {
    const known = collections.get(name) ?? new Map<string, Kept>()
    collections.set(name, known)
    return known
  }
  return {
    async get<T>(collection: Collection, ids: readonly string[]) {
      const kept = of(collection)
      return new Map(
        ids.flatMap((id) => {
          const record = kept.get(id)
          return record === undefined ? [] : [[id, stored<T>(id, record)] as const]
        }),
      )
    },
    async all<T>(collection: Collection) {
      return [...of(collection)].map(([id, record]) => stored<T>(id, record))
    },
    async count(collection) {
      return of(collection).size
    },
    async recent<T>(collection: 'history', { before, limit }: { before?: string; limit: number }) {
      const ids = [...of(collection).keys()].filter((id) => before === undefined || id < before).sort()
      return ids
        .reverse()
        .slice(0, limit)
        .map((id) => stored<T>(id, of(collection).get(id) as Kept))
    },
    async commit({ expect = [], put = [], remove = [] }: Change) {
      if (expect.some(({ collection, id, rev }) => (of(collection).get(id)?.rev ?? 0) !== rev)) return false
      for (const { collection, id } of remove) of(collection).delete(id)
      for (const { collection, id, doc, expires } of put) {
        of(collection).set(id, { rev: ++revision, text: JSON.stringify(doc), expires: expires ?? null })
      }
      return true
    },
    async purge(now) {
      let forgotten = 0
      for (const kept of collections.values()) {
        for (const [id, { expires }] of kept) if (expires !== null && expires <= now && kept.delete(id)) forgotten++
      }
      return forgotten
    },
    async ping() {},
    async close() {},
  }
}

function stored<T>(id: string, { rev, text }: Kept): Stored<T> {
  return { id, rev, doc: JSON.parse(text) as T }
}
