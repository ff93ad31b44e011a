import { type BudgetRate, type BudgetState, close, closedFor, take } from '../core/budget.ts'
import { StoreError } from '../errors.ts'
import type { Budget, Clock, Records } from '../ports.ts'

/**
 * The budget of one token's calls, in the record `settings/budget:<fingerprint>`: shared by everybody on the same store, and
 * kept over restarts. Within a process, whoever asks first calls first.
 *
 * `fingerprint` names the token without giving it away: a hash of it. Failures are StoreErrors.
 */
export function createBudget(deps: {
  readonly records: Records
  readonly clock: Clock
  readonly fingerprint: string
  readonly rate: BudgetRate
}): Budget {
  const { records, clock, rate } = deps
  const id = `budget:${deps.fingerprint}`
  let turn: Promise<unknown> = Promise.resolve()
  // Read while the call is made, so that the next one does not wait for it; the commit tells whether it still holds.
  let ahead: ReturnType<typeof read> | null = null

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = turn.then(work)
    turn = mine.catch(() => {})
    return mine
  }

  async function read() {
    return (await records.get<BudgetState>('settings', [id])).get(id)
  }

  /** Other processes change the same record: read again and decide again until the write goes through. */
  async function change<T>(
    decide: (state: BudgetState | null, now: Date) => { state: BudgetState; result: T },
  ): Promise<T> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const found = (await ahead) ?? (await read())
      ahead = null
      const { state, result } = decide(found?.doc ?? null, clock.now())
      const expect = [{ collection: 'settings', id, rev: found?.rev ?? 0 }] as const
      if (!(await records.commit({ expect, put: [{ collection: 'settings', id, doc: state }] }))) continue
      ahead = read().catch(() => undefined)
      return result
    }
    throw new StoreError(`The budget of calls changed ${MAX_ATTEMPTS} times while it was being taken from; try again`)
  }

  function reserve(): Promise<number> {
    return inTurn(() =>
      change((state, now) => {
        const taken = take(state, now, rate)
        return { state: taken.state, result: taken.waitMs }
      }),
    )
  }

  return {
    async take() {
      let wait = await reserve()
      while (wait > 0) {
        await clock.sleep(wait)
        if (closedFor((await read())?.doc ?? null, clock.now()) === 0) return
        // Closed meanwhile. Those held back queue again, or they would all call in the moment of the opening.
        wait = await reserve()
      }
    },
    async close(until) {
      await inTurn(() => change((state, now) => ({ state: close(state, until, now, rate), result: undefined })))
    },
  }
}

/** So many processes do not share a token that one loses this often. */
const MAX_ATTEMPTS = 100
