import type { Clock } from '../ports.ts'

/** Asks for a run that begins after the asking; all who ask while one is under way share the next. */
export interface Coalesced<T> {
  ask(): Promise<T>
  /** Resolves when nothing runs or waits. */
  idle(): Promise<void>
}

export interface Pauses {
  /** A following run begins when nobody has asked for this long … */
  readonly quietMs: number
  /** … or after this long, whoever still arrives. */
  readonly mostMs: number
}

/** A group commit: the first run starts at once, those who arrive during it share the following one. */
export function coalesce<T>(run: () => Promise<T>, clock: Pick<Clock, 'sleep'>, pauses: Pauses): Coalesced<T> {
  let waiting: { resolve(value: T): void; reject(error: unknown): void }[] = []
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
    // Those who ask in this very turn share the first run.
    await null
    for (let first = true; waiting.length > 0; first = false) {
      if (!first) await quiet()
      const served = waiting
      waiting = []
      try {
        const value = await run()
        for (const { resolve } of served) resolve(value)
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
    ask() {
      arrivals++
      const answer = new Promise<T>((resolve, reject) => waiting.push({ resolve, reject }))
      if (running === null) start()
      return answer
    },
    async idle() {
      while (running !== null) await running
    },
  }
}
