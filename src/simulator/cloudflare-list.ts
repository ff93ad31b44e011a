import { randomBytes } from 'node:crypto'
import { canonicalItem, type ItemLimits } from './cloudflare-list-item.ts'
import { createOperations, type SimulatedOperations } from './cloudflare-list-operations.ts'
import { Refused } from './cloudflare-rules.ts'

export interface SimulatedItem {
  readonly id: string
  /** Canonical; in a list of hostnames the name. */
  readonly value: string
  comment: string
  readonly created: Date
  modified: Date
}

export interface SimulatedList {
  readonly id: string
  readonly name: string
  readonly kind: 'ip' | 'hostname'
  description: string
  readonly created: Date
  modified: Date
  /** By value, oldest first. */
  items: Map<string, SimulatedItem>
}

export interface SentItem {
  readonly value: string
  readonly comment?: string
}

/** The account of the simulated Cloudflare: its lists, with the handles that tests need. */
export interface SimulatedAccount extends ItemLimits {
  readonly id: string
  /** Lists allowed, and items in all of them together; may be changed at any time. */
  listQuota: number
  itemQuota: number
  /** IPv6 prefixes longer than this are refused (10035): 128, or 64 as it once was. */
  longestIpv6: 64 | 128
  /** How operations go, and what goes wrong with them. */
  readonly operations: SimulatedOperations
  /** Items added, changed and removed over the API so far. */
  modifications: number
  /** Every list, after what is due has been carried out. */
  lists(): readonly SimulatedList[]
  list(idOrName: string): SimulatedList | null
  /** What is in a list: value and comment; throws when there is no such list. */
  contents(name: string): Map<string, string>
  createList(options: { name: unknown; kind: unknown; description?: unknown }): SimulatedList
  /** Throws Refused while a rule names it, unless `force`: as when it was deleted before the rules were made. */
  deleteList(idOrName: string, options?: { force?: boolean }): void
  /** A person changes items in the dashboard: at once, whatever operation runs. Texts are made canonical. */
  handEdit(
    name: string,
    edit: { add?: readonly SentItem[]; remove?: readonly string[]; replace?: readonly SentItem[] },
  ): void
  /** How many rules name a list. */
  references(name: string): number
}

export interface AccountOptions {
  /** 32 hexadecimal digits; absent: chance. */
  readonly id?: string
  /** Absent: 1, as on the free plan. */
  readonly listQuota?: number
  /** Absent: 10,000, as below Enterprise. */
  readonly itemQuota?: number
  /** Absent: 128. */
  readonly longestIpv6?: 64 | 128
  /** How long an operation takes, half of it pending; absent: 0, over before it can be asked about. */
  readonly operationMs?: number
  /** Lists that are there from the start. */
  readonly lists?: readonly { name: string; kind?: 'ip' | 'hostname'; items?: readonly SentItem[] }[]
}

/** `expressions`: those of all rules of the account's zones. */
export function createAccount(options: AccountOptions, expressions: () => readonly string[]): SimulatedAccount {
  let lists: SimulatedList[] = []
  const operations = createOperations(options.operationMs ?? 0)
  const settled = (): SimulatedList[] => {
    operations.settle()
    return lists
  }
  const required = (name: string): SimulatedList => {
    const found = account.list(name)
    if (!found) throw new Error(`The simulated account has no list ${name}`)
    return found
  }
  const account: SimulatedAccount = {
    id: options.id ?? randomBytes(16).toString('hex'),
    listQuota: options.listQuota ?? 1,
    itemQuota: options.itemQuota ?? 10_000,
    longestIpv6: options.longestIpv6 ?? 128,
    operations,
    modifications: 0,
    lists: settled,
    list: (idOrName) => settled().find(({ id, name }) => id === idOrName || name === idOrName) ?? null,
    contents: (name) => new Map([...required(name).items.values()].map(({ value, comment }) => [value, comment])),
    createList(sent) {
      const list = newList(sent)
      // Code and text of this one are not documented.
      if (account.list(list.name)) throw new Refused(409, 10021, `a list with the name "${list.name}" already exists`)
      if (lists.length >= account.listQuota)
        throw new Refused(400, 10019, `exceeded the maximum number of lists: ${account.listQuota}`)
      lists.push(list)
      return list
    },
    deleteList(idOrName, { force = false } = {}) {
      const list = required(idOrName)
      if (!force && account.references(list.name) > 0) throw new Refused(400, 10031, 'filters.api.ip_list_in_use')
      lists = lists.filter((each) => each !== list)
    },
    handEdit(name, { add = [], remove = [], replace }) {
      const list = required(name)
      const clean = (items: readonly SentItem[]) =>
        items.map((item) => ({ ...item, value: canonicalItem(item.value, list.kind, account, 0) }))
      if (replace) list.items = new Map()
      upsert(list, clean([...(replace ?? []), ...add]))
      for (const value of remove) list.items.delete(canonicalItem(value, list.kind, account, 0))
      list.modified = new Date()
    },
    references(name) {
      const named = new RegExp(`\\$${name}(?![a-z0-9_.])`)
      return expressions().filter((text) => named.test(text)).length
    },
  }
  for (const { name, kind = 'ip', items = [] } of options.lists ?? []) {
    lists.push(newList({ name, kind }))
    account.handEdit(name, { add: items })
  }
  return account
}

/** The same value is the same item: it gets the new comment. */
export function upsert(list: SimulatedList, items: readonly SentItem[]): void {
  const now = new Date()
  for (const { value, comment = '' } of items) {
    const old = list.items.get(value)
    if (old) Object.assign(old, { comment, modified: now })
    else list.items.set(value, { id: randomBytes(16).toString('hex'), value, comment, created: now, modified: now })
  }
}

function newList({
  name,
  kind,
  description = '',
}: {
  name: unknown
  kind: unknown
  description?: unknown
}): SimulatedList {
  if (typeof name !== 'string' || !/^[a-z0-9_]{1,50}$/.test(name))
    throw new Refused(400, 10011, 'invalid list name: only a-z, 0-9 and _, at most 50')
  if (kind !== 'ip' && kind !== 'hostname') throw new Refused(400, 10012, 'invalid or unsupported kind')
  if (typeof description !== 'string' || [...description].length > 500)
    throw new Refused(400, 10013, 'description must be at most 500 characters')
  const now = new Date()
  return { id: randomBytes(16).toString('hex'), name, kind, description, created: now, modified: now, items: new Map() }
}
