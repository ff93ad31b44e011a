import type { Clock } from '../../src/ports.ts'

/** A clock that stands until it is moved on; sleepers wake in the order of their time. */
export function manualClock(): Clock & { advance(ms: number): Promise<void> } {
  let at = Date.parse('2026-05-01T12:00:00Z')
  const sleepers = new Set<{ readonly until: number; wake(): void }>()
  const settled = async () => {
    for (let n = 0; n < 50; n++) await null
  }
  return {
    now: () => new Date(at),
    sleep(ms, signal) {
      if (ms <= 0) return Promise.resolve()
      return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(new Error('aborted'))
        const sleeper = { until: at + ms, wake: resolve }
        sleepers.add(sleeper)
        signal?.addEventListener('abort', () => sleepers.delete(sleeper) && reject(new Error('aborted')))
      })
    },
    async advance(ms) {
      const end = at + ms
      await settled()
      for (;;) {
        const [next] = [...sleepers].filter(({ until }) => until <= end).sort((a, b) => a.until - b.until)
        if (!next) break
        at = next.until
        sleepers.delete(next)
        next.wake()
        await settled()
      }
      at = end
      await settled()
    },
  }
}
