import type { Ban } from '../core/ban.ts'
import type { Put } from '../core/history.ts'
import { contestAt } from '../core/judge-list.ts'
import { listEdge } from '../core/list-edge.ts'
import {
  type Items,
  isSeenIn,
  type ListAttempt,
  type ListState,
  landedOf,
  refreshed,
  withoutSeen,
} from '../core/list-state.ts'
import { type ListPlan, planList } from '../core/plan-list.ts'
import { messageOf, PermanentError } from '../errors.ts'
import type { ListInfo, ListTrouble } from '../ports-list.ts'
import { type Lease, takeLease } from './lease.ts'
import { concludeList, type ListEnd } from './list-conclude.ts'
import type { ListPassDeps } from './list-pass-types.ts'
import { readItems } from './list-reading.ts'
import { notesOf, readList, storeIdOf, writeList } from './list-records.ts'
import { type ListStock, takeListStock } from './list-stock.ts'
import { afterTrouble, awaitEnd, carryOut, nextWrite, UNDER_WAY } from './list-writing.ts'
import type { PassReport } from './pass-types.ts'

// One pass sends no more; the next goes on. Each is 1,000 items at most.
const MOST_WRITES = 16

/**
 * One pass over an account's list, the twin of `settleOnce`: the only code that writes to it. Repeating it, late or after a crash,
 * is harmless. Failures of Cloudflare and of the store are thrown; what was decided until then stays in the ledger.
 */
export async function settleList(deps: ListPassDeps): Promise<PassReport> {
  const lease = await takeLease(deps, listEdge(deps.list.name))
  try {
    return await work(deps, lease)
  } finally {
    // A lease that cannot be given back runs out by itself.
    await lease.release().catch(() => undefined)
  }
}

async function work(deps: ListPassDeps, lease: Lease): Promise<PassReport> {
  const { list, clock, records, memory } = deps
  const begun = clock.now()
  const store = await storeIdOf(records)
  const touched = new Set<string>()
  const gone = new Set<string>()
  // Writes that took effect, and that the history does not tell of yet.
  const puts: Put[] = []
  const nothing = { begun, stock: null, plan: null, touched, gone, puts, wrote: false }
  // What this pass has seen taken out by ourselves: the bans say so only at its end.
  const removed = new Set<string>()
  const ended = await endAttempts(deps, lease, removed)
  if (ended.busy) {
    const blocked = { state: 'edge-busy', detail: UNDER_WAY }
    const items = memory.seen?.epoch === lease.fence.rev ? memory.seen.items : null
    return concludeList(deps, lease, { ...nothing, state: ended.state, items, blocked })
  }
  const look = await lookFor(deps, ended.state)
  if (look.blocked !== null)
    return concludeList(deps, lease, { ...nothing, state: look.state, items: new Map(), blocked: look.blocked })

  let { state, info } = look
  let wrote = false
  let stock: ListStock | null = null
  let bans: readonly Ban[] = []
  let items: Items = new Map()
  const { told, late } = ended
  for (let writes = 0; ; ) {
    await lease.keep()
    const read = info === null ? { items: new Map(), fresh: true } : await readItems(deps, lease, info, state)
    if (read === null) return conclude('edge-busy', 'somebody changes the list while it is read', null)
    items = read.items
    if (stock === null || read.fresh) {
      stock = await takeListStock(deps, lease, { state, items, removed, store })
      for (const address of stock.touched) touched.add(address)
      for (const address of stock.gone) gone.add(address)
      puts.push(...landedOf([...late.splice(0), ...stock.state.list.attempts].filter(isSeenIn(items)), told))
      state = withoutSeen(stock.state, items)
      bans = stock.bans
    }
    const { known } = stock
    const facts = { edge: listEdge(list.name), state, items, known, bans, store, now: clock.now() }
    const plan: ListPlan = planList({ ...facts, observing: deps.observing })
    if (state.contested !== null) return conclude('edge-contested', CONTESTED, plan)
    const write = nextWrite(plan, state, items, store, clock.now())
    if (write === null) return conclude(null, '', plan)
    if (writes === MOST_WRITES) return conclude('edge-busy', 'there is more to write', plan)
    if (info === null) {
      const made = await make(deps, lease, state)
      if ('blocked' in made) return conclude(made.blocked, made.detail, plan)
      ;({ info, state } = made)
      continue
    }
    if (write.removing.some((text) => (items.get(text)?.id ?? null) === null)) {
      // Written by us and not read since: only a reading tells the ids by which they can be taken out.
      memory.seen = null
      continue
    }
    writes++
    for (const text of write.removing) removed.add(text)
    const at = memory.seen?.at ?? begun
    // Where this throws, nobody knows what the list holds by now.
    memory.seen = null
    const written = await carryOut(deps, lease, state, items, write, puts.splice(0))
    state = written.state
    if (written.kind === 'done') items = written.items
    memory.seen = { listId: info.id, epoch: lease.fence.rev, at, items }
    wrote ||= written.kind === 'done'
    if (written.kind === 'done') puts.push({ adding: write.adding.map(({ text }) => text), removing: write.removing })
    if (written.kind === 'busy') return conclude('edge-busy', written.detail, plan)
    info = { ...info, items: items.size }
  }

  function conclude(why: string | null, detail: string, plan: ListPlan | null): Promise<PassReport> {
    const blocked = why === null ? null : { state: why, detail }
    const known = why === 'edge-busy' && plan === null ? null : items
    return concludeList(deps, lease, { ...nothing, state, items: known, stock, plan, blocked, wrote })
  }
}

const CONTESTED =
  'most of our items were taken out again: nothing is written here until they are back, or until `portcullis resume`'
const DELETED = 'the list was deleted: nothing is written until it is back, or until `portcullis resume` makes it anew'

/** What became of the writes that earlier passes have begun. */
interface EndedAttempts {
  readonly state: ListState
  readonly busy: boolean
  /** Those that took effect; the history tells of them. */
  readonly told: readonly Put[]
  /** Those of unknown end that cannot take effect any more; the next reading shows whether they did. */
  readonly late: ListAttempt[]
}

async function endAttempts(deps: ListPassDeps, lease: Lease, removed: Set<string>): Promise<EndedAttempts> {
  const { state: before } = await readList(deps.records, deps.list.name)
  let state = refreshed(before, deps.clock.now())
  const late = before.list.attempts.filter((attempt) => !state.list.attempts.includes(attempt))
  const done: ListAttempt[] = []
  let busy = false
  for (const attempt of state.list.attempts.filter(({ operation }) => operation !== null)) {
    const end = await awaitEnd(deps, lease, attempt.operation as string)
    busy = end.kind === 'under-way'
    if (busy) break
    for (const text of attempt.removing) removed.add(text)
    if (end.kind === 'completed') done.push(attempt)
    const others = state.list.attempts.filter((other) => other !== attempt)
    // Of what is no longer known the items tell; it may yet be carried out.
    const attempts = end.kind === 'unknown' ? [...others, { ...attempt, operation: null }] : others
    state = { ...state, list: { ...state.list, attempts } }
    const items = deps.memory.seen?.items
    if (end.kind === 'failed' && items !== undefined)
      state = afterTrouble(deps, state, items, attempt, end.trouble) ?? state
    deps.memory.seen = null
  }
  const told = landedOf(done, [])
  if (JSON.stringify(state) !== JSON.stringify(before))
    await writeList(deps.records, lease, deps.list.name, state, await notesOf(deps, told))
  return { state, busy, told, late }
}

/** Whether there is a list to work with, and what it means if there is none. */
async function lookFor(
  { list, clock }: ListPassDeps,
  state: ListState,
): Promise<{ state: ListState; info: ListInfo | null; blocked: ListEnd['blocked'] }> {
  const withId = (id: string | null): ListState => identified(state, id)
  let info: ListInfo | null
  try {
    info = await list.find()
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error
    return { state: withId(null), info: null, blocked: { state: stateFor(error), detail: messageOf(error) } }
  }
  if (info === null) {
    const deleted = { state: 'edge-contested', detail: DELETED }
    if (state.list.id !== null)
      return { state: { ...withId(null), contested: contestAt(clock.now(), true) }, info, blocked: deleted }
    return { state, info, blocked: state.contested?.ruleGone ? deleted : null }
  }
  const contested = state.contested?.ruleGone ? null : state.contested
  return { state: { ...withId(info.id), contested }, info, blocked: null }
}

async function make(
  deps: ListPassDeps,
  lease: Lease,
  state: ListState,
): Promise<{ info: ListInfo; state: ListState } | { blocked: string; detail: string }> {
  await lease.keep()
  try {
    const info = await deps.list.create(
      'Addresses that Portcullis blocks. Items of yours are kept; see their comments.',
    )
    const made = identified(state, info.id)
    await writeList(deps.records, lease, deps.list.name, made)
    return { info, state: made }
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error
    return { blocked: stateFor(error), detail: messageOf(error) }
  }
}

/** In another list there is other room. */
function identified(state: ListState, id: string | null): ListState {
  const full = id === state.list.id ? state.list.full : null
  return { ...state, list: { ...state.list, id, full } }
}

function stateFor(error: PermanentError): string {
  const { trouble } = error as { trouble?: ListTrouble }
  return trouble === undefined ? 'edge-list-refused' : `edge-${trouble}`
}
