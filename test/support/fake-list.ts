import { RetryLaterError } from '../../src/errors.ts'
import type { AddressList, ListItem, OperationState } from '../../src/ports-list.ts'

/** What becomes of one write: taken; taken, but its answer is lost; refused by a fault; on its way until `land`; begun but unfinished until `land`. */
export type Fate = 'taken' | 'answer-lost' | 'refused' | 'late' | 'stuck'

/** An account's list in memory, with Cloudflare's manners, and the handles that a test needs. */
export interface FakeList {
  readonly port: AddressList
  /** By text; null: there is no list. */
  items(): ReadonlyMap<string, { readonly id: string; readonly comment: string }> | null
  /** A person's hand, at once. */
  put(text: string, comment?: string): void
  take(...texts: readonly string[]): void
  remove(): void
  /** Somebody makes the list anew. */
  make(): void
  /** What becomes of the next writes, in order; later ones are taken. */
  readonly fates: Fate[]
  /** The oldest write on its way, or unfinished, takes effect. */
  land(): void
  /** Writes that have not taken effect yet. */
  waiting(): number
  /** Items that the account takes. */
  quota: number
  /** Whole readings of the items, and every write as it was sent. */
  reads: number
  readonly sent: { readonly add: readonly string[]; readonly remove: readonly string[] }[]
}

interface Write {
  readonly id: string | null
  apply(): string | null
}

export function fakeList(name: string, now: () => Date): FakeList {
  let ids = 0
  const newId = () => (++ids).toString(16).padStart(32, '0')
  let list: { id: string; items: Map<string, ListItem> } | null = null
  const over = new Map<string, OperationState>()
  const waiting: Write[] = []

  function upsert(text: string, comment: string): void {
    const at = now().toISOString()
    const known = list?.items.get(text)
    list?.items.set(
      text,
      known ? { ...known, comment, modified: at } : { id: newId(), text, comment, created: at, modified: at },
    )
  }

  function finish(write: Write): void {
    const error = write.apply()
    if (write.id === null) return
    over.set(write.id, error === null ? { kind: 'completed' } : { kind: 'failed', error, trouble: 'list-full' })
  }

  function begin(apply: () => string | null): { id: string } {
    // One operation of an account at a time.
    if (waiting.some(({ id }) => id !== null)) throw new RetryLaterError('429: another operation is under way', 3_000)
    const fate = fake.fates.shift() ?? 'taken'
    if (fate === 'refused') throw new Error('503 from Cloudflare')
    if (fate === 'late') {
      waiting.push({ id: null, apply })
      throw new Error('the write timed out')
    }
    const id = newId()
    if (fate === 'stuck') waiting.push({ id, apply })
    else finish({ id, apply })
    if (fate === 'answer-lost') throw new Error('the connection broke')
    return { id }
  }

  const there = () => {
    if (list === null) throw new Error('the list is no longer there')
    return list
  }
  const info = ({ id, items }: { id: string; items: Map<string, ListItem> }) =>
    ({ id, kind: 'ip', items: items.size, rules: 0 }) as const
  const fake: FakeList = {
    fates: [],
    sent: [],
    reads: 0,
    quota: 10_000,
    items: () => list && new Map(list.items),
    put: (text, comment = '') => upsert(text, comment),
    take(...texts) {
      for (const text of texts) list?.items.delete(text)
    },
    remove() {
      list = null
    },
    make() {
      list = { id: newId(), items: new Map() }
    },
    land() {
      const write = waiting.shift()
      if (write !== undefined) finish(write)
    },
    waiting: () => waiting.length,
    port: {
      name,
      find: async () => list && info(list),
      async create() {
        list ??= { id: newId(), items: new Map() }
        return info(list)
      },
      async items() {
        fake.reads++
        return [...there().items.values()]
      },
      async add(items) {
        const { id } = there()
        fake.sent.push({ add: items.map(({ address }) => address), remove: [] })
        return begin(() => {
          if (list?.id !== id) return 'This list does not exist'
          const size = new Set([...list.items.keys(), ...items.map(({ address }) => address)]).size
          if (size > fake.quota) return 'This list is at the maximum number of items'
          for (const { address, comment } of items) upsert(address, comment)
          return null
        })
      },
      async remove(gone) {
        const { id } = there()
        const texts = (item: string) => [...(list?.items.values() ?? [])].find((i) => i.id === item)?.text ?? item
        fake.sent.push({ add: [], remove: gone.map(texts) })
        return begin(() => {
          if (list?.id !== id) return 'This list does not exist'
          for (const item of gone) list.items.delete(texts(item))
          return null
        })
      },
      async operation(id) {
        if (waiting.some((write) => write.id === id)) return { kind: 'pending' }
        return over.get(id) ?? null
      },
    },
  }
  return fake
}
