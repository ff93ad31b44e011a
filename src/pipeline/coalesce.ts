import type { Clock } from '../ports.ts'

/** A run that begins after the asking; all who ask while one is under way share the next. */
export interface Coalesced<I, O> {
  ask(item: I): Promise<O>
  /** Resolves when nothing runs or waits. */
  idle(): Promise<void>
}

export interface Pauses {
  /** A following run begins when nobody has asked for this long … */
  readonly quietMs: number
  /** … or after this long, whoever still arrives. */
  readonly mostMs: number
  /** At most so many items in one run. */
  readonly mostItems: number
}

interface Asked<I, O> {
  readonly item: I
  resolve(value: O): void
  reject(error: unknown): void
}

/** A group commit: the first run starts at once, those who arrive during it share the following one. `run` answers in order. */
export function coalesce<I, O>(
  run: (items: readonly I[]) => Promise<readonly O[]>,
  clock: Pick<Clock, 'sleep'>,
  pauses: Pauses,
): Coalesced<I, O> {
  let waiting: Asked<I, O>[] = []
  let arrivals = 0
  let running: Promise<void> | null = null

  function start(): void {
    running = work().finally(() => {
      running = null
      // Somebody may have asked between the last look and now.
      if (waiting.length > 0) start()
    })
  }

  async function work(): Promise<void> {
    // Those who ask in this turn of the event loop share the first run, as jobs do that one pass sets free.
    await new Promise((resolve) => setImmediate(resolve))
    for (let first = true; waiting.length > 0; first = false) {
      if (!first) await quiet()
      const served = waiting.slice(0, pauses.mostItems)
      waiting = waiting.slice(pauses.mostItems)
      try {
        const values = await run(served.map((asked) => asked.item))
        served.forEach(({ resolve }, i) => {
          resolve(values[i] as O)
        })
      } catch (error) {
        for (const { reject } of served) reject(error)
      }
    }
  }

  async function quiet(): Promise<void> {
    for (let waited = 0; waited < pauses.mostMs; waited += pauses.quietMs) {
      const before = arrivals
      await clock.sleep(pauses.quietMs)
      if (arrivals === before) return
    }
  }

  return {
    ask(item) {
      arrivals++
      const answer = new Promise<O>((resolve, reject) => waiting.push({ item, resolve, reject }))
      if (running === null) start()
      return answer
    },
    async idle() {
      while (running !== null) await running
    },
  }
}
