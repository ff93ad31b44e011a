import type { Items } from '../core/list-state.ts'
import type { AddressList } from '../ports-list.ts'
import type { PassDeps } from './pass-types.ts'

export interface ListPassDeps extends Omit<PassDeps, 'edge' | 'rule' | 'list'> {
  readonly list: AddressList
  /** What this process has seen of the list; the same object for every pass. */
  readonly memory: ListMemory
}

/** Not in the ledger: an account may hold 10,000 items and more. */
export interface ListMemory {
  seen: {
    readonly listId: string
    /** The epoch under which it was read: another holder may have written since. */
    readonly epoch: number
    readonly at: Date
    /** As read, with what we have written since. */
    readonly items: Items
  } | null
}
