import type { Ban } from './ban.ts'
import type { Attempt } from './edge-state.ts'
import type { Ending } from './sweep.ts'

/** One entry of the history: what changed, when, where, and by whom. */
export interface HistoryEntry {
  readonly at: string
  readonly edge?: string
  /** `put-in`, `taken-out`, `written` (no address in it), `adopted`, `released`, `ended`, `banned`, `lifted`, … */
  readonly kind: string
  readonly addresses: readonly string[]
  readonly by: string
  /** Of the ruleset, where a version has to do with it. */
  readonly versionBefore?: number
  readonly versionAfter?: number
  readonly detail?: string
}

/** One write that Cloudflare took; a list has no versions. */
export interface Put {
  readonly adding: readonly string[]
  readonly removing: readonly string[]
  /** How many overwritten changes of others it was to bring back. */
  readonly owed?: number
  readonly versionBefore?: number
  readonly versionAfter?: number
}

/** Of an attempt that has landed. */
export function putOf({ adding, removing, pays, read, landed }: Attempt): Put {
  return { adding, removing, owed: pays.length, versionBefore: read, versionAfter: landed ?? 0 }
}

type Noted = Omit<HistoryEntry, 'at'>

/** What our writes put into the edge and took out, and for what reasons; where that was nothing, that there was one. */
export function historyOfPuts(edge: string, puts: readonly Put[], bans: ReadonlyMap<string, Ban>): Noted[] {
  return puts.flatMap(({ adding, removing, owed = 0, ...versions }) => {
    const common = { edge, by: 'portcullis', ...versions }
    const changed = some([
      { ...common, kind: 'put-in', addresses: adding, detail: reasonsOf(adding, bans) },
      { ...common, kind: 'taken-out', addresses: removing },
    ])
    return changed.length > 0 ? changed : [{ ...common, kind: 'written', addresses: [], detail: beside(owed) }]
  })
}

function beside(owed: number): string {
  if (owed === 0) return 'our rule itself, and no address in it'
  return `brought back ${owed === 1 ? 'a change' : `${owed} changes`} of others that we had written over`
}

/** What people did to our rule, version by version. */
export function historyOfHands(
  edge: string,
  hands: readonly {
    /** Absent where the edge has none, as a list. */
    readonly version?: number
    readonly adopted: readonly string[]
    readonly released: readonly string[]
    readonly stale?: readonly string[]
    readonly accident: readonly string[]
    readonly withdrawn?: readonly string[]
  }[],
): Noted[] {
  return hands.flatMap(({ version, adopted, released, stale = [], accident, withdrawn = [] }) => {
    const common = { edge, by: `a person, at ${edge}`, ...(version === undefined ? {} : { versionAfter: version }) }
    return some([
      { ...common, kind: 'adopted', addresses: adopted },
      { ...common, kind: 'released', addresses: released },
      { ...common, kind: 'stale-copy', addresses: stale },
      { ...common, kind: 'accident', addresses: accident },
      { ...common, kind: 'withdrawn', addresses: withdrawn },
    ])
  })
}

/** Bans that came to their end, one entry for each way. */
export function historyOfEndings(ended: readonly { readonly ban: Ban; readonly how: Ending }[]): Noted[] {
  // Who released one has an entry already.
  const ways = Map.groupBy(
    ended.filter(({ how }) => how !== 'released'),
    ({ how }) => how,
  )
  return [...ways].map(([how, all]) => ({ kind: how, by: 'portcullis', addresses: all.map(({ ban }) => ban.address) }))
}

function some(entries: readonly Noted[]): Noted[] {
  return entries.filter(({ addresses }) => addresses.length > 0)
}

/** At most so many different reasons are named in one entry. */
const REASONS = 5

function reasonsOf(addresses: readonly string[], bans: ReadonlyMap<string, Ban>): string {
  const notes = addresses.flatMap(
    (address) => bans.get(address)?.reasons.map(({ origin, note }) => `${origin}: ${note}`) ?? [],
  )
  return [...new Set(notes)].slice(0, REASONS).join('; ')
}
