import type { Dispatcher } from 'undici'
import { parseTerm } from '../core/address.ts'
import { RefusedError, RetryLaterError } from '../errors.ts'
import type { Budget } from '../ports.ts'
import type { AddressList, ListInfo, ListItem, Operation, OperationState } from '../ports-list.ts'
import { asObject, wrong } from './cloudflare-answer.ts'
import { troubleError, troubleOf } from './cloudflare-list-failure.ts'
import { type CloudflareListHttp, createCloudflareListHttp, type ListResult } from './cloudflare-list-http.ts'
import { createDispatcher } from './http-dispatcher.ts'

export interface CloudflareListOptions {
  readonly apiUrl: string
  /** Needs "Account Filter Lists Edit" of the account. */
  readonly token: string
  readonly accountId: string
  /** 1 to 50 of a-z, 0-9 and _. */
  readonly name: string
  readonly budget: Budget
  /** Told of every call that was sent; `failed`: no whole answer arrived. */
  readonly onCall?: (method: string, status: number | 'failed') => void
  /** Absent: one of its own that honours HTTPS_PROXY and NO_PROXY. */
  readonly dispatcher?: Dispatcher
  /** For one call, in milliseconds; absent: 10,000. */
  readonly timeoutMs?: number
}

export interface CloudflareList extends AddressList {
  /**
   * Finds the list and writes its description back as it is, which wants the same permission as writing items. Where there is no
   * list yet (null), only reading was tried.
   */
  probe(): Promise<ListInfo | null>
}

/** The largest page there is. */
const PAGE = 500
/** Characters of a comment and of a description. */
const LONGEST_TEXT = 500

/** An account's IP list over the Lists API. The list's id is kept between calls, until Cloudflare says that it is gone. */
export function createCloudflareList(options: CloudflareListOptions): CloudflareList {
  const apiUrl = options.apiUrl.replace(/\/+$/, '')
  const http = createCloudflareListHttp({
    ...options,
    apiUrl,
    dispatcher: options.dispatcher ?? createDispatcher(apiUrl),
  })
  const { name } = options
  let known: string | null = null

  const findRaw = async (): Promise<{ info: ListInfo; description: unknown } | null> => {
    known = null
    const list = named(await call(http, { method: 'GET', path: '' }), name)
    if (list === undefined) return null
    const info = parseList(list, name)
    known = info.id
    return { info, description: list.description }
  }
  const find = async (): Promise<ListInfo | null> => (await findRaw())?.info ?? null
  const onList = async (request: Omit<Parameters<CloudflareListHttp>[0], 'path'> & { readonly query?: string }) => {
    const id = known ?? (await find())?.id
    const { query = '', ...rest } = request
    const answer = id === undefined ? null : await http({ ...rest, path: `/${id}/items${query}` })
    if (answer !== null) return answer
    known = null
    throw new Error(`The Cloudflare list ${JSON.stringify(name)} is no longer there`)
  }
  return {
    name,
    find,
    async create(description) {
      try {
        const body = { name, kind: 'ip', description: shortened(description) }
        const info = parseList(asObject((await call(http, { method: 'POST', path: '', body })).result), name)
        known = info.id
        return info
      } catch (error) {
        if (error instanceof RefusedError || error instanceof RetryLaterError) throw error
        // It may be there all the same: another instance was quicker, or only the answer was lost.
        const found = await find()
        if (found === null) throw error
        return found
      }
    },
    items: () => allItems((query) => onList({ method: 'GET', query })),
    async add(items) {
      // No address is widened here where it is not taken: the caller has recorded what it sends, and would take any other item
      // for a person's. One that is twice in a request makes Cloudflare refuse all of it.
      const once = new Map(items.map(({ address, comment }) => [address, { ip: address, comment: shortened(comment) }]))
      return parseOperation(await onList({ method: 'POST', body: [...once.values()] }))
    },
    async remove(ids) {
      return parseOperation(await onList({ method: 'DELETE', body: { items: ids.map((id) => ({ id })) } }))
    },
    async operation(id) {
      const answer = await http({ method: 'GET', path: `/bulk_operations/${encodeURIComponent(id)}` })
      return answer && parseState(answer.result)
    },
    async probe() {
      const found = await findRaw()
      if (found === null) return null
      const description = typeof found.description === 'string' ? found.description : ''
      await http({ method: 'PUT', path: `/${found.info.id}`, body: { description } })
      return found.info
    },
  }
}

async function call(http: CloudflareListHttp, request: Parameters<CloudflareListHttp>[0]): Promise<ListResult> {
  const answer = await http(request)
  if (answer === null)
    throw new Error('Cloudflare says that the account has no lists at all; check CLOUDFLARE_ACCOUNT_ID')
  return answer
}

function named({ result }: ListResult, name: string): Record<string, unknown> | undefined {
  // Left out or null where there are none.
  const lists = result ?? []
  if (!Array.isArray(lists)) throw wrong('lists that are no list')
  return lists.map(asObject).find((list) => list?.name === name) ?? undefined
}

function parseList(list: Record<string, unknown> | null, name: string): ListInfo {
  const { id, kind, num_items = 0, num_referencing_filters = 0 } = list ?? {}
  if (typeof id !== 'string' || id === '') throw wrong('a list without an id')
  if (typeof kind !== 'string') throw wrong('a list without a kind')
  if (kind !== 'ip')
    throw troubleError(
      'list-kind',
      `The Cloudflare list ${JSON.stringify(name)} is of kind ${kind} and holds no addresses`,
    )
  if (typeof num_items !== 'number' || typeof num_referencing_filters !== 'number') throw wrong('a list without counts')
  return { id, kind, items: num_items, rules: num_referencing_filters }
}

async function allItems(page: (query: string) => Promise<ListResult>): Promise<ListItem[]> {
  const items = new Map<string, ListItem>()
  const seen = new Set<string>()
  for (let cursor: string | null = ''; cursor !== null; ) {
    const at = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`
    const { result, next } = await page(`?per_page=${PAGE}${at}`)
    if (!Array.isArray(result ?? [])) throw wrong('items that are no list')
    for (const item of ((result ?? []) as unknown[]).map(parseItem)) items.set(item.id, item)
    if (next !== null && seen.has(next)) throw wrong('pages that never end')
    seen.add(next ?? '')
    cursor = next
  }
  return [...items.values()]
}

function parseItem(value: unknown): ListItem {
  const { id, ip, comment, created_on: created, modified_on: modified } = asObject(value) ?? {}
  if (typeof id !== 'string' || id === '') throw wrong('an item without an id')
  const term = typeof ip === 'string' ? parseTerm(ip) : null
  if (term === null) throw wrong(`an item that is no address (${(JSON.stringify(ip) ?? 'nothing').slice(0, 80)})`)
  if (typeof created !== 'string' || typeof modified !== 'string') throw wrong('an item without its times')
  return { id, text: term.text, comment: typeof comment === 'string' ? comment : '', created, modified }
}

function parseOperation({ result }: ListResult): Operation {
  const id = asObject(result)?.operation_id
  if (typeof id !== 'string' || id === '') throw wrong('an operation without an id')
  return { id }
}

function parseState(result: unknown): OperationState {
  const { status, error } = asObject(result) ?? {}
  if (status === 'pending' || status === 'running' || status === 'completed') return { kind: status }
  if (status !== 'failed') throw wrong('an operation in no known state')
  const text = typeof error === 'string' && error !== '' ? error.slice(0, 400) : 'without a reason'
  return { kind: 'failed', error: text, trouble: troubleOf(text) }
}

function shortened(text: string): string {
  const letters = [...text]
  return letters.length <= LONGEST_TEXT ? text : `${letters.slice(0, LONGEST_TEXT - 1).join('')}…`
}
