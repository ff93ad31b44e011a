import type { EdgeState } from './edge-state.ts'

/** Entries of others that were taken out again after the same time each. */
export interface ClockedEntries {
  readonly addresses: readonly string[]
  /** To the minute or so, ms. */
  readonly lengthMs: number
}

const MINUTE_MS = 60_000
// A pass a minute sees each change, so two lengths that are the same differ by up to two.
const TOLERANCE_MS = 2 * MINUTE_MS
// Who tries something out puts it in and takes it out at once.
const SHORTEST_MS = 5 * MINUTE_MS
const ENOUGH = 3

/**
 * Whether others' entries in our rule come and go by the clock, as no person's do: put in by three changes, and taken out by three
 * changes after the same time, none of them ours. So does another Portcullis with a store of its own. null: nothing shows it.
 */
export function clockedEntries({ trail, attempts }: Pick<EdgeState, 'trail' | 'attempts'>): ClockedEntries | null {
  const ours = new Set(attempts.flatMap(({ adding, removing }) => [...adding, ...removing]))
  const landed = new Set(attempts.map((attempt) => attempt.landed))
  const gained = new Map<string, number>()
  const stays: Stay[] = []
  for (const step of trail) {
    if (landed.has(step.version)) continue
    const at = Date.parse(step.at)
    for (const address of step.lost) {
      const from = gained.get(address)
      if (from !== undefined && at - from >= SHORTEST_MS) stays.push({ address, from, to: at })
      gained.delete(address)
    }
    for (const address of step.gained) if (!ours.has(address)) gained.set(address, at)
  }
  for (const stay of stays) {
    const length = stay.to - stay.from
    const alike = stays.filter(({ from, to }) => Math.abs(to - from - length) <= TOLERANCE_MS)
    const changes = Math.min(new Set(alike.map(({ from }) => from)).size, new Set(alike.map(({ to }) => to)).size)
    if (changes < ENOUGH) continue
    return { addresses: [...new Set(alike.map(({ address }) => address))], lengthMs: length }
  }
  return null
}

interface Stay {
  readonly address: string
  readonly from: number
  readonly to: number
}
