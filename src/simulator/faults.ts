/** What goes wrong with a call. "Applied" says whether the server did what was asked before things went wrong. */
export type Fault =
  /** The connection breaks before anything was done. */
  | { readonly kind: 'reset' }
  /** Applied, but the connection breaks in the middle of the answer. */
  | { readonly kind: 'reset-in-answer' }
  /** Applied, but no byte of an answer arrives. */
  | { readonly kind: 'lost' }
  /** Neither applied nor answered, the connection stays open. */
  | { readonly kind: 'hang' }
  | { readonly kind: 'delay'; readonly ms: number }
  /** Not applied; this is answered in its place. A string is sent as HTML, anything else as JSON. */
  | {
      readonly kind: 'answer'
      readonly status: number
      readonly body: unknown
      readonly headers?: Readonly<Record<string, string>>
    }
  /** Not applied; 429, with `retry-after` where seconds are given. */
  | { readonly kind: 'rate-limit'; readonly retryAfter?: number }
  /** Applied; the JSON of the answer ends half-way, without an error of the connection. */
  | { readonly kind: 'truncated' }
  /** Applied; the answer has its status but this body, for answers of the wrong type. */
  | { readonly kind: 'body'; readonly body: unknown }
  /** Waits for the gate, then is applied and answered, also when the client has long gone. */
  | { readonly kind: 'hold'; readonly gate: Gate }
  /** Applied at once, and answered when the gate is opened. */
  | { readonly kind: 'hold-answer'; readonly gate: Gate }

export interface Match {
  readonly method?: string
  /** A part of the path with its query, or a pattern for it; absent: any path. */
  readonly path?: string | RegExp
}

/** Holds calls until it is opened. */
export interface Gate {
  /** Resolves when the first call, or its answer, waits at the gate. */
  readonly arrived: Promise<void>
  open(): void
  readonly opened: Promise<void>
  arrive(): void
}

/** The faults that were switched on and not yet used up. */
export interface Faults {
  /** The next `times` calls that match get this fault. Several switched-on faults are used in the order given. */
  next(match: Match, fault: Fault, times?: number): void
  /** Holds the next `times` matching calls until the gate is opened. */
  hold(match: Match, times?: number): Gate
  /** Applies the next `times` matching calls and holds their answers until the gate is opened. */
  holdAnswer(match: Match, times?: number): Gate
  /** Takes back whatever was not used. */
  clear(): void
  /** For the servers: the fault for this call, which uses it up. */
  take(method: string, path: string): Fault | null
}

export function createFaults(): Faults {
  let waiting: { match: Match; fault: Fault; left: number }[] = []
  const next = (match: Match, fault: Fault, times = 1): void => {
    waiting.push({ match, fault, left: times })
  }
  const gated = (kind: 'hold' | 'hold-answer') => (match: Match, times?: number) => {
    const gate = createGate()
    next(match, { kind, gate }, times)
    return gate
  }
  return {
    next,
    hold: gated('hold'),
    holdAnswer: gated('hold-answer'),
    clear() {
      waiting = []
    },
    take(method, path) {
      const found = waiting.find((each) => matches(each.match, method, path))
      if (!found) return null
      found.left -= 1
      if (found.left <= 0) waiting = waiting.filter((each) => each !== found)
      return found.fault
    },
  }
}

export function createGate(): Gate {
  const arrived = Promise.withResolvers<void>()
  const opened = Promise.withResolvers<void>()
  return { arrived: arrived.promise, opened: opened.promise, arrive: arrived.resolve, open: opened.resolve }
}

function matches(match: Match, method: string, path: string): boolean {
  if (match.method !== undefined && match.method !== method) return false
  if (match.path === undefined) return true
  return typeof match.path === 'string' ? path.includes(match.path) : match.path.test(path)
}
