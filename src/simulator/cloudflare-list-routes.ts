import type { SimulatedAccount, SimulatedItem, SimulatedList } from './cloudflare-list.ts'
import { upsert } from './cloudflare-list.ts'
import { canonicalItem } from './cloudflare-list-item.ts'
import { BASE, need, type Permission, parseBody } from './cloudflare-routes.ts'
import { Refused } from './cloudflare-rules.ts'
import type { Call } from './world-server.ts'

export interface ListAnswer {
  readonly result: unknown
  readonly result_info?: unknown
}

/** Whether a path is about an account, and so for `routeLists`. */
export function isAboutAccounts(path: string): boolean {
  return path.startsWith(`${BASE}/accounts/`)
}

/** Calls of the Lists API; throws Refused. */
export function routeLists(
  asked: { readonly account: SimulatedAccount; readonly permissions: readonly Permission[] | null },
  call: Call,
): ListAnswer {
  const path = call.path.slice(BASE.length)
  const [, accountId = '', rest] = /^\/accounts\/([^/]*)\/rules\/lists(\/.*)?$/.exec(path) ?? []
  if (!/^[0-9a-f]{32}$/.test(accountId))
    throw new Refused(400, 7003, `Could not route to ${path}, perhaps your object identifier is invalid?`)
  if (!asked.permissions) throw new Refused(403, 9109, 'Invalid access token')
  const { account } = asked
  if (account.id !== accountId) throw new Refused(403, 10000, 'Authentication error')
  need(asked, call.method === 'GET' ? 'lists-read' : 'lists-write', 10000, 'Authentication error')
  const operation = /^\/bulk_operations\/([^/]+)$/.exec(rest ?? '')?.[1]
  if (operation !== undefined) return { result: account.operations.view(operation) ?? notFound('bulk operation') }
  const [, listId, under = ''] = /^\/([^/]+)(\/items)?$/.exec(rest ?? '') ?? []
  if (listId === undefined) return lists(account, call)
  const list = account.lists().find(({ id }) => id === listId) ?? notFound('list')
  return under === '' ? oneList(account, list, call) : items(account, list, call)
}

function lists(account: SimulatedAccount, call: Call): ListAnswer {
  if (call.method === 'GET') return { result: account.lists().map((list) => renderList(account, list)) }
  if (call.method !== 'POST') throw notAllowed()
  const { name, kind, description } = parseBody(call.body)
  return { result: renderList(account, account.createList({ name, kind, description })) }
}

function oneList(account: SimulatedAccount, list: SimulatedList, call: Call): ListAnswer {
  if (call.method === 'DELETE') {
    account.deleteList(list.id)
    return { result: { id: list.id } }
  }
  if (call.method === 'PUT') list.description = String(parseBody(call.body).description ?? '')
  else if (call.method !== 'GET') throw notAllowed()
  return { result: renderList(account, list) }
}

function items(account: SimulatedAccount, list: SimulatedList, call: Call): ListAnswer {
  if (call.method === 'GET') return page(list, call.query)
  if (!['POST', 'PUT', 'DELETE'].includes(call.method)) throw notAllowed()
  // Documented is the status alone.
  if (account.operations.isBusy()) throw new Refused(429, 10044, 'a bulk operation of this account is in progress')
  const apply = call.method === 'DELETE' ? removal(list, call.body) : addition(account, list, call)
  const operation_id = account.operations.begin(() => {
    if (!account.list(list.id)) return 'This list does not exist'
    const changed = apply()
    if (typeof changed === 'string') return changed
    account.modifications += changed
    list.modified = new Date()
    return null
  })
  return { result: { operation_id } }
}

/** Answers how many items it changed, or why it failed. */
type Apply = () => number | string

function addition(account: SimulatedAccount, list: SimulatedList, call: Call): Apply {
  const sent = parseItems(account, list, call.body)
  const replaces = call.method === 'PUT'
  return () => {
    const others = account.lists().reduce((sum, each) => sum + (each === list ? 0 : each.items.size), 0)
    const kept = replaces ? [] : [...list.items.keys()]
    const size = new Set([...kept, ...sent.map(({ value }) => value)]).size
    if (others + size > account.itemQuota) return 'This list is at the maximum number of items'
    const gone = replaces ? list.items.size : 0
    if (replaces) list.items = new Map()
    upsert(list, sent)
    return sent.length + gone
  }
}

function removal(list: SimulatedList, body: string): Apply {
  const { items } = parseBody(body)
  if (!Array.isArray(items) || items.length === 0) throw new Refused(400, 10015, 'items are required')
  const ids = new Set(items.map((item: { id?: unknown } | null) => item?.id))
  return () => {
    // What is already gone is passed over.
    const gone = [...list.items.values()].filter(({ id }) => ids.has(id))
    for (const { value } of gone) list.items.delete(value)
    return gone.length
  }
}

function parseItems(
  account: SimulatedAccount,
  list: SimulatedList,
  body: string,
): { readonly value: string; readonly comment: string }[] {
  const sent: unknown = parseBody(`{"items":${body === '' ? 'null' : body}}`).items
  if (!Array.isArray(sent)) throw new Refused(400, 10015, 'a list of items is required')
  const seen = new Set<string>()
  return sent.map((item: Record<string, unknown> | null, position) => {
    const sentValue =
      list.kind === 'ip' ? item?.ip : (item?.hostname as { url_hostname?: unknown } | undefined)?.url_hostname
    const value = canonicalItem(sentValue, list.kind, account, position)
    const comment = item?.comment ?? ''
    if (typeof comment !== 'string' || [...comment].length > 500)
      throw new Refused(400, 10016, `invalid comment at position ${position}: at most 500 characters`)
    if (seen.has(value)) throw new Refused(400, 10028, 'filters.api.duplicate_item_value')
    seen.add(value)
    return { value, comment }
  })
}

/** The cursor is the id of the last item given. */
function page(list: SimulatedList, query: URLSearchParams): ListAnswer {
  const size = Number(query.get('per_page') ?? 25)
  if (!(size >= 1 && size <= 500)) throw new Refused(400, 10017, 'per_page must be from 1 to 500')
  const found = [...list.items.values()].filter(({ value }) => value.startsWith(query.get('search') ?? ''))
  const cursor = query.get('cursor')
  const start = cursor === null ? 0 : found.findIndex(({ id }) => id === cursor) + 1
  if (cursor !== null && start === 0) throw new Refused(400, 10018, 'invalid cursor')
  const given = found.slice(start, start + size)
  const after = start + size < found.length ? given.at(-1)?.id : undefined
  const cursors = { ...(start > 0 ? { before: given[0]?.id } : {}), ...(after === undefined ? {} : { after }) }
  return { result: given.map((item) => renderItem(list, item)), result_info: { cursors } }
}

function renderList(account: SimulatedAccount, list: SimulatedList): unknown {
  return {
    id: list.id,
    name: list.name,
    ...(list.description === '' ? {} : { description: list.description }),
    kind: list.kind,
    num_items: list.items.size,
    num_referencing_filters: account.references(list.name),
    created_on: seconds(list.created),
    modified_on: seconds(list.modified),
  }
}

function renderItem(list: SimulatedList, item: SimulatedItem): unknown {
  return {
    id: item.id,
    ...(list.kind === 'ip' ? { ip: item.value } : { hostname: { url_hostname: item.value } }),
    ...(item.comment === '' ? {} : { comment: item.comment }),
    created_on: seconds(item.created),
    modified_on: seconds(item.modified),
  }
}

function seconds(at: Date): string {
  return at.toISOString().replace(/\.\d+/, '')
}

/** Which code comes with it is not documented. */
function notFound(what: string): never {
  throw new Refused(404, 10001, `could not find ${what}`)
}

function notAllowed(): Refused {
  return new Refused(405, 10405, 'Method not allowed for this authentication scheme')
}
