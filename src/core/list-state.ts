import { type EdgeState, NEW_EDGE } from './edge-state.ts'
import type { Put } from './history.ts'

/** What the ledger knows of a list: of an edge's record the contest, the putting-back and the last pass, and this. No items. */
export interface ListState extends EdgeState {
  readonly list: ListRecord
}

/** All times are ISO 8601. */
export interface ListRecord {
  /** The list's own id; null: none is known to be there. */
  readonly id: string | null
  /** Writes whose end is not known, oldest first. */
  readonly attempts: readonly ListAttempt[]
  /** So many items in all were refused: what is known of the room until somebody else may have made some. */
  readonly full: { readonly total: number; readonly at: string } | null
  /** When Cloudflare last refused a single IPv6 address as an item: its /64 is written instead. */
  readonly wide: string | null
}

/** One write. Recorded before it is sent: what it was adding or removing is never taken for somebody's hand. */
export interface ListAttempt {
  readonly id: string
  readonly at: string
  /** Texts of items. */
  readonly adding: readonly string[]
  readonly removing: readonly string[]
  /** Of the items that are removed: one that is added again has another. */
  readonly ids: readonly string[]
  /** By which its end can be asked for; null: the answer has not come (yet). */
  readonly operation: string | null
}

/** Beside the record of the edge, for it is only written when it changes. */
export interface ListKnown {
  /** Ids of people's items that became bans once: without their ban they are to go, and are no new entries. */
  readonly adopted: readonly string[]
  /** Texts of held items that another Portcullis wrote: gone, they are written anew and released by nobody. */
  readonly borrowed: readonly string[]
}

export const NOTHING_KNOWN: ListKnown = { adopted: [], borrowed: [] }

export const NEW_LIST: ListState = { ...NEW_EDGE, list: { id: null, attempts: [], full: null, wide: null } }

/** One item, as last seen or as written since. */
export interface KnownItem {
  readonly text: string
  readonly comment: string
  /** null: written by us and not read since. */
  readonly id: string | null
}

/** By text. */
export type Items = ReadonlyMap<string, KnownItem>

// Cloudflare's servers give a request up after 100 s: what has not come into effect by then does not any more.
const LATEST_MS = 2 * 60_000
const ROOM_KNOWN_MS = 10 * 60_000
const WIDE_KNOWN_MS = 7 * 24 * 3600_000

/** The record without what time has settled. */
export function refreshed(state: ListState, now: Date): ListState {
  const { attempts, full, wide } = state.list
  const within = (at: string, ms: number) => now.getTime() - Date.parse(at) < ms
  const list = {
    ...state.list,
    attempts: attempts.filter(({ operation, at }) => operation !== null || within(at, LATEST_MS)),
    full: full !== null && within(full.at, ROOM_KNOWN_MS) ? full : null,
    wide: wide !== null && within(wide, WIDE_KNOWN_MS) ? wide : null,
  }
  return { ...state, list }
}

/** Whether the items show that an attempt of unknown end has come into effect. */
export function isSeenIn(items: Items): (attempt: ListAttempt) => boolean {
  const there = new Set([...items.values()].map(({ id }) => id))
  return ({ operation, adding, ids }) =>
    operation === null && adding.every((text) => items.has(text)) && !ids.some((id) => there.has(id))
}

/** The record without those. */
export function withoutSeen(state: ListState, items: Items): ListState {
  const isSeen = isSeenIn(items)
  const attempts = state.list.attempts.filter((attempt) => !isSeen(attempt))
  return attempts.length === state.list.attempts.length ? state : { ...state, list: { ...state.list, attempts } }
}

/** What attempts did that have come into effect, each address once, and not what `told` tells already. */
export function landedOf(attempts: readonly ListAttempt[], told: readonly Put[]): Put[] {
  const all = [...told]
  for (const { adding, removing } of attempts) {
    const added = new Set(all.flatMap((put) => put.adding))
    const removed = new Set(all.flatMap((put) => put.removing))
    all.push({
      adding: adding.filter((text) => !added.has(text)),
      removing: removing.filter((text) => !removed.has(text)),
    })
  }
  return all.slice(told.length)
}

/** Items that may be gone the next moment, by writes of unknown end. */
export function atRiskIn(state: ListState, items: Items): Set<string> {
  const ids = new Set<string | null>(state.list.attempts.flatMap((attempt) => attempt.ids))
  return new Set([...items.values()].filter(({ id }) => id !== null && ids.has(id)).map(({ text }) => text))
}
