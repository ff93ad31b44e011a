import { messageOf, StoreError } from '../errors.ts'

/** Does it, and gives every failure as a StoreError that says what could not be done. */
export async function inStore<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof StoreError) throw error
    throw new StoreError(`The store could not ${doing}: ${messageOf(error)}`, { cause: error })
  }
}

/** @throws StoreError when the store's schema is one that this version does not know */
export function checkSchema(found: number, known: number): void {
  if (found <= known) return
  throw new StoreError(
    `This store was written by a newer Portcullis (schema ${found}, this one knows ${known}). Start that version, or use another store.`,
  )
}
