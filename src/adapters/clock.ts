import { setTimeout as timeout } from 'node:timers/promises'
import type { Clock } from '../ports.ts'

/** The system's clock. An aborted `sleep` rejects with an `AbortError`. */
export const systemClock: Clock = {
  now: () => new Date(),
  async sleep(ms, signal) {
    await timeout(Math.max(0, ms), undefined, signal ? { signal } : {})
  },
}
