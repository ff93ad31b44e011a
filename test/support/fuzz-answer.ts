import assert from 'node:assert/strict'
import { PermanentError, RefusedError, RetryLaterError } from '../../src/errors.ts'

/** Many times what any call takes on an idle machine. */
export const MOST_MS = 5_000
/** Of one order to an adapter, whatever it is answered. */
export const MOST_CALLS = 20

const NAMED = [Error, PermanentError, RefusedError, RetryLaterError]
// What JavaScript says of values that nobody looked at.
const UNREAD = /undefined|is not (a function|iterable)|Cannot (read|convert)|\[object|Unexpected token|reading '/

/** The order is carried out, or fails with an error of ours that says what happened, holds none of the secrets, and comes in time. */
export async function assertNamed(order: () => Promise<unknown>, secrets: readonly string[]): Promise<boolean> {
  const begun = performance.now()
  try {
    await order()
    return true
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error
    assert.ok(
      error instanceof Error && NAMED.some((kind) => error.constructor === kind),
      String((error as Error).stack),
    )
    assert.doesNotMatch(error.message, UNREAD)
    for (const secret of secrets) assert.ok(!error.message.includes(secret), error.message)
    if (error instanceof RetryLaterError) {
      const { retryAfterMs } = error
      assert.ok(retryAfterMs > 0 && retryAfterMs <= 3_600_000, `comes back after ${retryAfterMs} ms`)
    }
    return false
  } finally {
    assert.ok(performance.now() - begun < MOST_MS, `took ${performance.now() - begun} ms`)
  }
}
