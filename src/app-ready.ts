import { StoreError } from './errors.ts'
import type { Clock } from './ports.ts'

/** Whether a webhook that comes now can be stored. */
export interface Readiness {
  /** The store answers, or has done so within the last second: whoever writes will see. */
  answers(): Promise<boolean>
  /** True when it answers, or the failure that says why it does not is thrown. */
  answersOrThrows(): Promise<true>
  /** It answers, and has taken the last webhook. */
  ready(): Promise<boolean>
  /** The same function, with its failures to store remembered. */
  watch<A extends unknown[], R>(store: (...given: A) => Promise<R>): (...given: A) => Promise<R>
}

// Where nothing more arrives, nothing tells that the store takes writes again.
const REMEMBERED_MS = 60_000
// A burst need not ask for every webhook.
const ANSWERED_MS = 1_000

/** A store may answer and yet take nothing, its disk or its memory being full: so the last write counts, too. */
export function createReadiness({ ping, clock }: { ping(): Promise<void>; clock: Pick<Clock, 'now'> }): Readiness {
  let failedAt = Number.NEGATIVE_INFINITY
  let answeredAt = Number.NEGATIVE_INFINITY
  let asking: Promise<boolean> | null = null
  let failure: unknown = null
  const ask = () =>
    ping().then(
      () => {
        answeredAt = clock.now().getTime()
        return true
      },
      (error) => {
        failure = error
        // What it refused while it was away says nothing about its return.
        failedAt = Number.NEGATIVE_INFINITY
        answeredAt = Number.NEGATIVE_INFINITY
        return false
      },
    )
  async function answers(): Promise<boolean> {
    if (clock.now().getTime() - answeredAt < ANSWERED_MS) return true
    asking ??= ask().finally(() => {
      asking = null
    })
    return asking
  }
  return {
    answers,
    async answersOrThrows() {
      if (await answers()) return true
      throw failure
    },
    ready: async () => (await ask()) && clock.now().getTime() - failedAt >= REMEMBERED_MS,
    watch:
      (store) =>
      async (...given) => {
        try {
          const answer = await store(...given)
          failedAt = Number.NEGATIVE_INFINITY
          answeredAt = clock.now().getTime()
          return answer
        } catch (error) {
          if (error instanceof StoreError) {
            failedAt = clock.now().getTime()
            answeredAt = Number.NEGATIVE_INFINITY
          }
          throw error
        }
      },
  }
}
