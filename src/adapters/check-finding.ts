/** What was tried, and what it showed. `warn`: it works, but somebody should look at it. `bad`: it has to be mended. `note`: it was not tried. */
export interface Finding {
  readonly level: 'good' | 'warn' | 'bad' | 'note'
  /** A word or two: `token`, `zone shop`. */
  readonly what: string
  /** What was found and what to do; may have several lines. */
  readonly message: string
}

export function good(what: string, message: string): Finding {
  return { level: 'good', what, message }
}

export function warn(what: string, message: string): Finding {
  return { level: 'warn', what, message }
}

export function bad(what: string, message: string): Finding {
  return { level: 'bad', what, message }
}

export function note(what: string, message: string): Finding {
  return { level: 'note', what, message }
}
