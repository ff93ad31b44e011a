interface Window {
  /** Milliseconds since the epoch. */
  readonly since: number
  used: number
}

/** Counts the requests of each token in windows that begin with the first request. */
export function createLimiter(limit: () => { readonly requests: number; readonly seconds: number }): {
  take(token: string): { headers: Record<string, string>; retryAfter: number | null }
} {
  const windows = new Map<string, Window>()
  return {
    take(token) {
      const { requests, seconds } = limit()
      const now = Date.now()
      let window = windows.get(token)
      if (!window || now - window.since >= seconds * 1000) {
        window = { since: now, used: 0 }
        windows.set(token, window)
      }
      window.used += 1
      const rest = Math.max(0, requests - window.used)
      const reset = Math.ceil((window.since + seconds * 1000 - now) / 1000)
      return {
        headers: {
          ratelimit: `"default";r=${rest};t=${reset}`,
          'ratelimit-policy': `"default";q=${requests};w=${seconds}`,
        },
        retryAfter: window.used > requests ? Math.max(1, reset) : null,
      }
    },
  }
}
