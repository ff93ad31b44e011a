/** The middle of several runs, and how far they lay apart. */
export interface Summary {
  readonly median: number
  readonly least: number
  readonly most: number
  readonly runs: number
}

/** null: nothing was measured. */
export function summarize(values: readonly (number | null)[]): Summary | null {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b)
  const [least] = sorted
  const most = sorted.at(-1)
  if (least === undefined || most === undefined) return null
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] as number
  const median = sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2
  return { median, least, most, runs: sorted.length }
}
