/* The account's list of addresses, as the pipeline needs it. */

/** `rules`: how many rules of all the account's zones name it, switched off or not. */
export type ListInfo = { readonly id: string; readonly kind: 'ip'; readonly items: number; readonly rules: number }
/** `text`: canonical, as `Term.text`; `created` and `modified`: ISO 8601. */
export type ListItem = { readonly [key in 'id' | 'text' | 'comment' | 'created' | 'modified']: string }
/** A write that Cloudflare carries out after it has answered, wholly or not at all. */
export type Operation = { readonly id: string }
export type OperationState =
  | { readonly kind: 'pending' | 'running' | 'completed' }
  | { readonly kind: 'failed'; readonly error: string; readonly trouble: ListTrouble | null }
/**
 * Why a list cannot be as asked; also `trouble` of PermanentErrors. The account takes no further item, no further list; the name
 * belongs to a list that holds no addresses; an item has a form that is not taken: for a single IPv6 address its /64 is.
 */
export type ListTrouble = 'list-full' | 'list-quota' | 'list-kind' | 'item-format'

/** An account's IP list. One write at a time: meanwhile others are RetryLaterErrors. Failures as an Edge's. */
export interface AddressList {
  /** As rules name it behind `$`. */
  readonly name: string
  /** null: there is no such list (any more); until the next `find` the other calls throw. */
  find(): Promise<ListInfo | null>
  create(description: string): Promise<ListInfo>
  /** All of them; not one moment's picture while an operation runs. */
  items(): Promise<readonly ListItem[]>
  /** Exactly these, nothing widened; one that is there gets the new comment. Answer lost: the items tell what became of it. */
  add(items: readonly { readonly address: string; readonly comment: string }[]): Promise<Operation>
  remove(ids: readonly string[]): Promise<Operation>
  /** null: Cloudflare no longer knows of it. */
  operation(id: string): Promise<OperationState | null>
}
