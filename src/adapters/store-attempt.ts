import { messageOf, StoreError } from '../errors.ts'

/** Does it, and gives every failure as a StoreError that says what could not be done. */
export async function inStore<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof StoreError) throw error
    throw new StoreError(`The store could not ${doing}: ${inPlainWords(messageOf(error))}`, { cause: error })
  }
}

/** A client library speaks to programmers, of its options. */
function inPlainWords(message: string): string {
  return PLAIN_WORDS.find(([theirs]) => theirs.test(message))?.[1] ?? message
}

const PLAIN_WORDS: readonly (readonly [RegExp, string])[] = [
  [/^Stream isn't writeable/, 'there is no connection to Redis'],
  [/^Reached the max retries per request/, 'the connection to Redis broke'],
  [/^Connection is closed/, 'the connection to Redis broke'],
  [/^Command timed out/, 'Redis did not answer in time'],
  [/^Query read timeout|^timeout exceeded when trying to connect/, 'PostgreSQL did not answer in time'],
  [/^Connection terminated/, 'the connection to PostgreSQL broke'],
]

/** @throws StoreError when the store's schema is one that this version does not know */
export function checkSchema(found: number, known: number): void {
  if (found <= known) return
  throw new StoreError(
    `This store was written by a newer Portcullis (schema ${found}, this one knows ${known}). Start that version, or use another store.`,
  )
}
