import { parseAddress } from '../core/address.ts'
import { ALLOWED, type Allowed } from '../core/allowed.ts'
import type { AllowEntry } from '../core/guards.ts'
import type { Clock, Records, Stored } from '../ports.ts'

export interface AllowedByHand {
  /** The same array while nothing has changed: the guards remember what they made of it. */
  entries(): Promise<readonly AllowEntry[]>
  /** Those that have not ended. */
  list(): Promise<Stored<Allowed>[]>
  /** Canonical addresses of a name; rejects where it has none. */
  resolve(name: string): Promise<string[]>
  /** Looks names up again; one that stops resolving keeps its last addresses. */
  refresh(): Promise<void>
}

/** Friends that people named while the service ran. They stand in the ledger alone, so that all instances agree. */
export function createAllowed(deps: {
  readonly records: Records
  readonly clock: Pick<Clock, 'now'>
  readonly resolve: (name: string) => Promise<readonly string[]>
  readonly onError: (name: string, error: unknown) => void
}): AllowedByHand {
  const { records, clock } = deps
  let last: { readonly text: string; readonly entries: readonly AllowEntry[] } = { text: '[]', entries: [] }

  async function list(): Promise<Stored<Allowed>[]> {
    const now = clock.now().toISOString()
    const stored = await records.all<Allowed>('allowlist')
    return stored.filter(({ id, doc }) => id.startsWith(ALLOWED) && (doc.until === null || doc.until > now))
  }

  async function resolve(name: string): Promise<string[]> {
    const addresses = (await deps.resolve(name)).flatMap((text) => parseAddress(text)?.text ?? [])
    if (addresses.length === 0) throw new Error(`${name} has no address`)
    return [...new Set(addresses)].sort()
  }

  async function refreshOne({ id, rev, doc }: Stored<Allowed>): Promise<void> {
    try {
      const addresses = await resolve(doc.entry)
      if (addresses.join() === doc.addresses.join()) return
      const expires = doc.until === null ? null : new Date(doc.until)
      await records.commit({
        expect: [{ collection: 'allowlist', id, rev }],
        put: [{ collection: 'allowlist', id, doc: { ...doc, addresses }, expires }],
      })
    } catch (error) {
      deps.onError(doc.entry, error)
    }
  }

  return {
    list,
    resolve,
    async entries() {
      const entries = (await list())
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .flatMap(({ doc }) => doc.addresses.map((text) => ({ text, note: noteOf(doc) })))
      const text = JSON.stringify(entries)
      if (text !== last.text) last = { text, entries }
      return last.entries
    },
    async refresh() {
      const names = (await list()).filter(({ doc }) => parseAddress(doc.entry) === null)
      await Promise.all(names.map(refreshOne))
    },
  }
}

function noteOf({ entry, addresses, by, reason }: Allowed): string {
  const name = addresses.includes(entry) ? '' : `${entry}, `
  return `${name}allowed by ${by}${reason === '' ? '' : `: ${reason}`}`
}

/** Two lists as one: the same array while both are the same. */
export function createMerged(): (a: readonly AllowEntry[], b: readonly AllowEntry[]) => readonly AllowEntry[] {
  let last: { readonly from: readonly (readonly AllowEntry[])[]; readonly both: readonly AllowEntry[] } = {
    from: [],
    both: [],
  }
  return (a, b) => {
    if (last.from[0] !== a || last.from[1] !== b) last = { from: [a, b], both: b.length === 0 ? a : [...a, ...b] }
    return last.both
  }
}
