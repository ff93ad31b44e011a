import { StoreError } from '../errors.ts'
import type { Collection } from '../ports.ts'

/** An id as stores can hold it: PostgreSQL's text has no NUL, and UTF-8 no half of a surrogate pair. Any string may be an id. */
export function writeId(id: string): string {
  return id.replace(UNSTORABLE, (half) => `%${half.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

export function readId(text: string): string {
  return text.replace(/%([0-9a-f]{4})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: NUL is what it looks for
const UNSTORABLE = /[%\u0000]|[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g

/** Maps, with a turn of the event loop after each thousand: a collection may hold a hundred thousand records. */
export async function mapInTurns<T, U>(items: readonly T[], map: (item: T) => U): Promise<U[]> {
  const mapped: U[] = []
  for (const [at, item] of items.entries()) {
    if (at % IN_A_TURN === IN_A_TURN - 1) await new Promise((resolve) => setImmediate(resolve))
    mapped.push(map(item))
  }
  return mapped
}

const IN_A_TURN = 1_000

/** @throws StoreError naming the record when its text is not JSON */
export function parseDoc<T>(collection: Collection, id: string, text: string): T {
  try {
    return JSON.parse(text) as T
  } catch (error) {
    throw new StoreError(`The record ${collection}/${id} in the store is not JSON: somebody or something damaged it.`, {
      cause: error,
    })
  }
}
