/** Which parts refuse to work with us, from last known state. */
export interface Health {
  /** `part`: `cloudflare`, `elastic`, `host:<name>`, `edge:<name>`, … */
  refused(part: string, reason: string): void
  works(part: string): void
  degraded(): { part: string; reason: string }[]
}

export function createHealth(deps: {
  readonly events: {
    degraded(e: { part: string; reason: string }): void
    recovered(e: { part: string }): void
  }
  /** What waited for this part is to be tried again. */
  readonly onRecovered: (part: string) => void
}): Health {
  const parts = new Map<string, string>()
  return {
    refused(part, reason) {
      if (parts.get(part) === reason) return
      parts.set(part, reason)
      deps.events.degraded({ part, reason })
    },
    works(part) {
      if (!parts.delete(part)) return
      deps.events.recovered({ part })
      deps.onRecovered(part)
    },
    degraded: () => [...parts].map(([part, reason]) => ({ part, reason })),
  }
}
