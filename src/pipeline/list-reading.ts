import type { Items, ListState } from '../core/list-state.ts'
import type { ListInfo, ListItem } from '../ports-list.ts'
import type { Lease } from './lease.ts'
import type { ListPassDeps } from './list-pass-types.ts'

/** Between two, the list's own count of its items is all that is asked for. */
const READ_EVERY_MS = 5 * 60_000

/** What the list holds: read whole where what this process remembers may be wrong; null: it changes while it is read. */
export async function readItems(
  deps: ListPassDeps,
  lease: Lease,
  info: ListInfo,
  state: ListState,
): Promise<{ readonly items: Items; readonly fresh: boolean } | null> {
  const { list, memory, clock } = deps
  const { seen } = memory
  const valid =
    seen !== null &&
    seen.listId === info.id &&
    seen.epoch === lease.fence.rev &&
    clock.now().getTime() - seen.at.getTime() < READ_EVERY_MS &&
    seen.items.size === info.items &&
    state.list.attempts.length === 0
  if (valid) return { items: seen.items, fresh: false }
  let count = info.items
  for (let tries = 0; tries < 2; tries++) {
    const at = clock.now()
    const items = byText(await list.items())
    if (items.size === count) {
      memory.seen = { listId: info.id, epoch: lease.fence.rev, at, items }
      return { items, fresh: true }
    }
    // Somebody may have changed it between the two calls: a reading that agrees with no count is not to be judged by.
    const now = await list.find()
    if (now === null || now.id !== info.id) return null
    count = now.items
    if (items.size !== count) continue
    memory.seen = { listId: info.id, epoch: lease.fence.rev, at, items }
    return { items, fresh: true }
  }
  memory.seen = null
  return null
}

function byText(items: readonly ListItem[]): Items {
  return new Map(items.map(({ id, text, comment }) => [text, { id, text, comment }]))
}
