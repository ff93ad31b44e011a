/** A bucket of calls, kept in the store and shared by all who spend from it. Times are milliseconds since the epoch. */
export interface BudgetState {
  /** Calls that may be made at once; below zero: so many wait already for theirs. */
  readonly tokens: number
  /** When `tokens` was right. */
  readonly at: number
  /** Nobody may call before. */
  readonly closedUntil: number
}

export interface BudgetRate {
  readonly burst: number
  readonly perSecond: number
}

/** Under half of Cloudflare's 1,200 calls per five minutes and token, so that people and other tools have the rest. */
export const CLOUDFLARE_RATE: BudgetRate = { burst: 20, perSecond: 1.9 }

/**
 * Takes one call: it may be made after `waitMs`. The call is taken at once, also when it is made later, so whoever asks next
 * waits behind it. `state` null: nobody has ever asked, the bucket is full.
 */
export function take(
  state: BudgetState | null,
  now: Date,
  rate: BudgetRate,
): { readonly state: BudgetState; readonly waitMs: number } {
  const filled = refill(state, now.getTime(), rate)
  const tokens = filled.tokens - 1
  const ready = tokens >= 0 ? now.getTime() : filled.at + (-tokens / rate.perSecond) * 1000
  // The calls of a burst that was asked for while it was closed must not follow the opening all at once.
  const opened = filled.closedUntil > now.getTime() ? filled.closedUntil + Math.max(0, ready - now.getTime()) : ready
  return { state: { ...filled, tokens }, waitMs: Math.max(0, Math.ceil(opened - now.getTime())) }
}

/** Closed for everybody until then; an earlier end than one already known changes nothing. */
export function close(state: BudgetState | null, until: Date, now: Date, rate: BudgetRate): BudgetState {
  const filled = refill(state, now.getTime(), rate)
  return { ...filled, closedUntil: Math.max(filled.closedUntil, until.getTime()) }
}

/** How much longer it stays closed, ms. */
export function closedFor(state: BudgetState | null, now: Date): number {
  if (!state) return 0
  const until = state.at > now.getTime() ? Math.min(state.closedUntil, now.getTime() + MAX_SKEW) : state.closedUntil
  return Math.max(0, until - now.getTime())
}

/** A state written later than now comes from another clock, or from ours before it was set right: it is believed so far. */
const MAX_SKEW = 5 * 60_000

function refill(state: BudgetState | null, now: number, { burst, perSecond }: BudgetRate): BudgetState {
  if (!state) return { tokens: burst, at: now, closedUntil: 0 }
  const closedUntil = state.at > now ? Math.min(state.closedUntil, now + MAX_SKEW) : state.closedUntil
  if (state.at > now + MAX_SKEW) return { tokens: Math.max(1, Math.min(burst, state.tokens)), at: now, closedUntil }
  const at = Math.max(state.at, now)
  const tokens = Math.min(burst, state.tokens + ((at - state.at) / 1000) * perSecond)
  return { tokens, at, closedUntil }
}
