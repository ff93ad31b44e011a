/** An expression that cannot be read. The message shows the place with a caret under it, in a line of at most 72 characters. */
export class ExpressionError extends Error {
  override name = 'ExpressionError'
  readonly source: string
  /** Where in `source`, in UTF-16 units from 0; the length of the source when something is missing at its end. */
  readonly index: number
  readonly problem: string
  constructor(source: string, index: number, problem: string) {
    super(`${problem} (at character ${index + 1} of the expression)\n${excerpt(source, index)}`)
    this.source = source
    this.index = index
    this.problem = problem
  }
}

const BEFORE = 40
const AFTER = 24

function excerpt(source: string, index: number): string {
  const start = Math.max(0, index - BEFORE)
  const end = Math.min(source.length, index + AFTER)
  // One column per unit, or the caret would not stand where it should.
  const line = source.slice(start, end).replace(/[^\x20-\x7e]/g, (unit) => (/\s/.test(unit) ? ' ' : '?'))
  const left = start > 0 ? '... ' : ''
  const right = end < source.length ? ' ...' : ''
  return `${left}${line}${right}\n${' '.repeat(left.length + index - start)}^`
}
