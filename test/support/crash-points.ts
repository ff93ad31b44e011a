import type { Ban } from '../../src/core/ban.ts'
import type { EdgeState } from '../../src/core/edge-state.ts'
import type { HistoryEntry } from '../../src/core/history.ts'
import type { ListState } from '../../src/core/list-state.ts'
import type { AlertRecord } from '../../src/core/outcome.ts'
import type { Change, Collection, JobData } from '../../src/ports.ts'

/** What the service asks of its store, as far as somebody may want it to die there; `ran`: a job's run has answered. */
export type StoreCall =
  | { readonly port: 'enqueue'; readonly ids: readonly string[] }
  | { readonly port: 'commit'; readonly change: Change }
  | { readonly port: 'save'; readonly data: JobData }
  | { readonly port: 'ran' }

/** `during`: the call is on its way to the store, its answer has not come. */
export interface Point {
  readonly at: PointName
  readonly when: 'before' | 'during' | 'after'
}

/** `seen`: ids of the attempts that earlier calls of this process carried. */
type IsThere = (call: StoreCall, seen: ReadonlySet<string>) => boolean

const isVerdict = (call: StoreCall) =>
  isOf(call, 'edges') && docs<Ban>(call, 'bans').some(({ edges }) => Object.values(edges).some(({ held }) => held))

/** The points of the journey that a call to the store tells apart. */
export const POINTS = {
  /** New jobs go into the queue. */
  enqueue: (call) => call.port === 'enqueue' && call.ids.length > 0,
  /** The decision, with its bans, goes into the ledger. */
  decision: (call) => docs<AlertRecord>(call, 'outcomes').some(({ outcome }) => outcome === null),
  /** A PUT that is to follow is recorded. */
  attempt: (call, seen) => attemptsOf(call).some(({ id }) => !seen.has(id)),
  /** A pass writes that bans are held. */
  verdict: isVerdict,
  /** An answer of an http step is recorded in the job. */
  checkpoint: (call) => call.port === 'save' && 'tell' in call.data.checkpoints,
  /** What became of alerts goes into the ledger. */
  conclusion: (call) => docs<AlertRecord>(call, 'outcomes').some(({ outcome }) => outcome !== null),
  /** A run has ended, and the queue has not heard of it. */
  ran: (call) => call.port === 'ran',
  /** A pass takes out of the ledger what is over. */
  ending: (call) => isOf(call, 'edges') && takesBans(call),
  /** An operator's order takes a ban out of the ledger. */
  lifting: (call) => !isOf(call, 'edges') && takesBans(call),
  /** A pass takes over what a person let out at the edge. */
  release: (call) => isOf(call, 'edges') && isOf(call, 'released'),
  /** A pass writes that the edge no longer lists what it took out. */
  letGo: (call) => docs<HistoryEntry>(call, 'history').some(({ kind }) => kind === 'taken-out'),
  /** The id of a list's operation is recorded: it was posted. */
  operation: (call) => listAttempts(call).some(({ operation }) => operation !== null),
  /** A pass writes that bans are held by the list. */
  listVerdict: (call) => isOfList(call) && isVerdict(call),
} satisfies Record<string, IsThere>

export type PointName = keyof typeof POINTS

/** Where a pass that takes addresses out may die, whatever they are taken out for. */
export const LETTING_GO: Readonly<Record<string, Point>> = {
  'between the ledger and the PUT': { at: 'attempt', when: 'after' },
  'after the PUT, before that is in the ledger': { at: 'letGo', when: 'before' },
  'when all is in the ledger': { at: 'letGo', when: 'after' },
}

/** Attempts at the rule or at the list that this call records. */
export function attemptsOf(call: StoreCall): { readonly id: string }[] {
  return docs<EdgeState>(call, 'edges').flatMap(({ attempts }) => [...attempts, ...listAttempts(call)])
}

function listAttempts(call: StoreCall) {
  return docs<Partial<ListState>>(call, 'edges').flatMap(({ list }) => list?.attempts ?? [])
}

function isOfList(call: StoreCall): boolean {
  return puts(call).some(({ collection, id }) => collection === 'edges' && id.startsWith('list:'))
}

function takesBans(call: StoreCall): boolean {
  return call.port === 'commit' && (call.change.remove ?? []).some(({ collection }) => collection === 'bans')
}

function isOf(call: StoreCall, collection: Collection): boolean {
  return docs(call, collection).length > 0
}

function docs<T>(call: StoreCall, collection: Collection): T[] {
  return puts(call)
    .filter((put) => put.collection === collection)
    .map(({ doc }) => doc as T)
}

function puts(call: StoreCall): NonNullable<Change['put']> {
  return call.port === 'commit' ? (call.change.put ?? []) : []
}
