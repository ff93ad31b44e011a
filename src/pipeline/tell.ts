import { type Gathered, gather, type Happening, type Notice, type NoticeKind, noticeOf } from '../core/notice.ts'
import { PermanentError, RetryLaterError } from '../errors.ts'
import type { Clock, Notifier } from '../ports.ts'

export interface Teller {
  /** Never throws and never waits: what happens while a message is on its way goes into the next one. */
  tell(happening: Happening): void
  /** Sends what is left, in 2 s at most. */
  close(): Promise<void>
}

// What happens together is told together.
const GATHER_MS = 2_000
// From one message of a kind to the next; what happens meanwhile waits for it, in one.
const APART_MS: Readonly<Record<NoticeKind, number>> = {
  ...{ ban: 10_000, 'put-back': 60_000, failed: 300_000, paused: 10_000 },
  ...{ 'edge-full': 3600_000, 'quota-spent': 3600_000, contested: 3600_000 },
}
const TRIES = 4
const FIRST_PAUSE_MS = 2_000
const LONGEST_PAUSE_MS = 300_000
const CLOSE_WITHIN_MS = 2_000

/**
 * Tells people, after the fact. What waits is kept by kind, so that it cannot grow: a thousand bans are one message that
 * names some and counts the rest. A message that cannot be delivered is given up, and counted in the next one.
 */
export function createTeller(deps: {
  readonly notifier: Notifier
  readonly clock: Clock
  readonly onFailure: (error: unknown) => void
}): Teller {
  const { notifier, clock } = deps
  const waiting = new Map<NoticeKind, { readonly gathered: Gathered; readonly dueAt: number }>()
  const toldAt = new Map<NoticeKind, number>()
  const closing = new AbortController()
  let lost = 0
  let alarm = new AbortController()
  let working: Promise<void> | null = null

  function start(): void {
    working = work().finally(() => {
      working = null
      // Something may have happened between the last look and now.
      if (waiting.size > 0 && !closing.signal.aborted) start()
    })
  }

  async function work(): Promise<void> {
    while (waiting.size > 0 && !closing.signal.aborted) {
      const first = Math.min(...[...waiting.values()].map(({ dueAt }) => dueAt))
      if (first > now()) await pause(first - now(), alarm.signal)
      alarm = new AbortController()
      for (const [kind, { gathered, dueAt }] of [...waiting]) {
        if (dueAt > now() || closing.signal.aborted) continue
        waiting.delete(kind)
        toldAt.set(kind, now())
        await deliver(gathered)
      }
    }
  }

  async function deliver(gathered: Gathered): Promise<void> {
    const notice = noticeOf(gathered, lost, clock.now())
    for (let tried = 1, ms = FIRST_PAUSE_MS; ; tried++, ms *= 4) {
      try {
        await notifier.send(notice)
        lost = 0
        return
      } catch (error) {
        const isLast = tried === TRIES || error instanceof PermanentError || closing.signal.aborted
        if (isLast) return giveUp(error)
        const asked = error instanceof RetryLaterError ? error.retryAfterMs : ms
        await pause(Math.min(asked, LONGEST_PAUSE_MS), closing.signal)
      }
    }
  }

  function giveUp(error: unknown): void {
    lost++
    deps.onFailure(error)
  }

  /** Ends early, without a word, when the signal says so. */
  async function pause(ms: number, signal: AbortSignal): Promise<void> {
    await clock.sleep(ms, AbortSignal.any([signal, closing.signal])).catch(() => undefined)
  }

  function now(): number {
    return clock.now().getTime()
  }

  async function sendRest(): Promise<void> {
    await working
    for (const { gathered } of waiting.values()) {
      await notifier.send(noticeOf(gathered, lost, clock.now()) satisfies Notice).catch(giveUp)
    }
    waiting.clear()
  }

  return {
    tell(happening) {
      const { kind } = happening
      if (closing.signal.aborted) return
      const before = waiting.get(kind)
      const dueAt = before?.dueAt ?? Math.max(now() + GATHER_MS, (toldAt.get(kind) ?? 0) + APART_MS[kind])
      waiting.set(kind, { gathered: gather(before?.gathered, happening), dueAt })
      // Whoever sleeps looks again at what is due first.
      if (before === undefined) alarm.abort()
      if (working === null) start()
    },
    async close() {
      if (closing.signal.aborted) return
      closing.abort()
      const enough = new AbortController()
      const late = clock.sleep(CLOSE_WITHIN_MS, enough.signal).catch(() => undefined)
      await Promise.race([sendRest(), late])
      enough.abort()
    },
  }
}
