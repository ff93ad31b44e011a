import type { Put } from '../core/history.ts'
import { commentOf } from '../core/list-item.ts'
import { type Items, type ListAttempt, type ListState, withoutSeen } from '../core/list-state.ts'
import type { ListPlan } from '../core/plan-list.ts'
import { messageOf, PermanentError, RefusedError, RetryLaterError } from '../errors.ts'
import type { ListTrouble, Operation } from '../ports-list.ts'
import type { Lease } from './lease.ts'
import type { ListPassDeps } from './list-pass-types.ts'
import { notesOf, writeList } from './list-records.ts'

/** One write, and what became of it. */
export interface Write {
  readonly adding: readonly { readonly text: string; readonly comment: string }[]
  readonly removing: readonly string[]
}

/** `busy`: its end is not known yet, or Cloudflare takes no write now; why, for people. */
export type Written =
  | { readonly kind: 'done'; readonly state: ListState; readonly items: Items }
  | { readonly kind: 'learned'; readonly state: ListState }
  | { readonly kind: 'busy'; readonly state: ListState; readonly detail: string }

// One operation carries no more: the record of the attempt names each of them.
const MOST_AT_ONCE = 1_000
// Operations mostly take a second or two. What takes longer is left to the next pass.
const POLLS_MS = [0, 250, 500, 1_000, 1_500, 2_000, 2_500]

/** The next write of a plan; null: nothing is to be done. Additions go first, so that no address is uncovered, while there is room. */
export function nextWrite(plan: ListPlan, state: ListState, items: Items, store: string, now: Date): Write | null {
  const { full } = state.list
  const room = full === null ? Number.POSITIVE_INFINITY : full.total - 1 - items.size
  // Between what fits and what was refused, half is tried: where the end is gets known in a few steps.
  const some = full === null ? MOST_AT_ONCE : Math.max(1, Math.floor(room / 2))
  const add = plan.add.slice(0, Math.min(MOST_AT_ONCE, some, Math.max(0, room)))
  const remove = plan.remove.slice(0, MOST_AT_ONCE)
  if (remove.length > 0 && (plan.add.length === 0 || plan.add.length > room)) return { adding: [], removing: remove }
  if (add.length === 0) return null
  return { adding: add.map(({ text, ban }) => ({ text, comment: commentOf(ban, store, now) })), removing: [] }
}

/**
 * Records the attempt, and with it what earlier writes of the pass did (`told`); sends it, and waits some seconds for its end.
 * Throws where nobody knows what became of it, the attempt kept.
 */
export async function carryOut(
  deps: ListPassDeps,
  lease: Lease,
  before: ListState,
  items: Items,
  write: Write,
  told: readonly Put[],
): Promise<Written> {
  const { list, records } = deps
  const attempt: ListAttempt = {
    id: deps.newId(),
    at: deps.clock.now().toISOString(),
    adding: write.adding.map(({ text }) => text),
    removing: write.removing,
    ids: write.removing.flatMap((text) => items.get(text)?.id ?? []),
    operation: null,
  }
  await writeList(records, lease, list.name, withAttempt(before, attempt), await notesOf(deps, told))
  await lease.keep()
  let operation: Operation
  try {
    operation = await send(deps, attempt, write)
  } catch (error) {
    // Refused: it never takes effect. Anything else may have been carried out all the same.
    if (error instanceof RetryLaterError) return busy(messageOf(error))
    const isRefused = error instanceof PermanentError || error instanceof RefusedError
    const learned = isRefused ? afterTrouble(deps, before, items, attempt, troubleOf(error)) : null
    if (learned !== null) return settled(learned)
    if (isRefused) await writeList(records, lease, list.name, before)
    throw error
  }
  const sent = withAttempt(before, { ...attempt, operation: operation.id })
  await writeList(records, lease, list.name, sent)
  const end = await awaitEnd(deps, lease, operation.id)
  if (end.kind === 'completed') {
    const next = after(items, write)
    // What an earlier attempt was to do is done, and noted, by this one.
    return { kind: 'done', state: withoutSeen(before, next), items: next }
  }
  if (end.kind === 'failed') {
    const learned = afterTrouble(deps, before, items, attempt, end.trouble)
    if (learned !== null) return settled(learned)
    await writeList(records, lease, list.name, before)
    throw new Error(`Cloudflare could not change the list ${list.name}: ${end.error}`)
  }
  if (end.kind === 'unknown') return { kind: 'busy', state: withAttempt(before, attempt), detail: FORGOTTEN }
  return { kind: 'busy', state: sent, detail: UNDER_WAY }

  async function settled(state: ListState): Promise<Written> {
    await writeList(records, lease, list.name, state)
    return { kind: 'learned', state }
  }

  async function busy(detail: string): Promise<Written> {
    await writeList(records, lease, list.name, before)
    return { kind: 'busy', state: before, detail }
  }
}

export const UNDER_WAY = 'Cloudflare has not finished changing the list yet'
const FORGOTTEN = 'Cloudflare no longer knows of its change of the list: it is read again'

export type End =
  | { readonly kind: 'completed' | 'under-way' | 'unknown' }
  | { readonly kind: 'failed'; readonly error: string; readonly trouble: ListTrouble | null }

/** Asks for some seconds what became of an operation. */
export async function awaitEnd(
  { list, clock }: Pick<ListPassDeps, 'list' | 'clock'>,
  lease: Lease,
  id: string,
): Promise<End> {
  for (const ms of POLLS_MS) {
    if (ms > 0) await clock.sleep(ms)
    await lease.keep()
    const state = await list.operation(id)
    if (state === null) return { kind: 'unknown' }
    if (state.kind === 'completed') return { kind: 'completed' }
    if (state.kind === 'failed') return state
  }
  return { kind: 'under-way' }
}

/** What a refused write teaches; null: nothing. */
export function afterTrouble(
  deps: Pick<ListPassDeps, 'clock'>,
  state: ListState,
  items: { readonly size: number },
  attempt: ListAttempt,
  trouble: ListTrouble | null,
): ListState | null {
  const at = deps.clock.now().toISOString()
  if (trouble === 'list-full' && attempt.adding.length > 0)
    return { ...state, list: { ...state.list, full: { total: items.size + attempt.adding.length, at } } }
  if (trouble === 'item-format' && attempt.adding.length > 0 && state.list.wide === null)
    return { ...state, list: { ...state.list, wide: at } }
  return null
}

function send({ list }: ListPassDeps, { ids }: ListAttempt, { adding }: Write): Promise<Operation> {
  if (adding.length > 0) return list.add(adding.map(({ text, comment }) => ({ address: text, comment })))
  return list.remove(ids)
}

function withAttempt(state: ListState, attempt: ListAttempt): ListState {
  return { ...state, list: { ...state.list, attempts: [...state.list.attempts, attempt] } }
}

function after(items: Items, { adding, removing }: Write): Items {
  const next = new Map(items)
  for (const text of removing) next.delete(text)
  for (const { text, comment } of adding) next.set(text, { text, comment, id: null })
  return next
}

function troubleOf(error: unknown): ListTrouble | null {
  return (error as { trouble?: ListTrouble | null }).trouble ?? null
}
