import { systemClock } from '../../src/adapters/clock.ts'

/* Preloaded into a service that runs as a process: its clock goes TEST_CLOCK_SPEED times as fast since TEST_CLOCK_SINCE (ms since the epoch), so that 30 s of a lease pass in 3. Processes that are given the same moment agree about the time. */

const speed = Number(process.env.TEST_CLOCK_SPEED)
const since = Number(process.env.TEST_CLOCK_SINCE)
const { sleep } = systemClock

Object.assign(systemClock, {
  now: () => new Date(since + (Date.now() - since) * speed),
  sleep: (ms: number, signal?: AbortSignal) => sleep(ms / speed, signal),
})
