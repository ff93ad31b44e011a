import type { Family, Term } from './address.ts'

/** Terms of which none covers another, in the order in which they came. */
export interface Uncovered {
  /** Whether one of them covers it. */
  covers(term: Term): boolean
  /** Those that it covers. */
  under(term: Term): readonly Term[]
  /** Takes it in, for all that it covers; it must not be covered itself. */
  add(term: Term): void
  all(): readonly Term[]
}

/** Where none covers another, who starts later also ends later: so all of them are found by halving. */
export function uncovered(): Uncovered {
  const kept = new Set<Term>()
  const sorted: Readonly<Record<Family, Term[]>> = { 4: [], 6: [] }

  function under(term: Term): Term[] {
    const { family, first, last } = term
    const terms = sorted[family]
    const from = startingBefore(terms, first)
    let to = from
    while (to < terms.length && (terms[to] as Term).last <= last) to++
    return terms.slice(from, to)
  }

  return {
    covers({ family, first, last }) {
      const nearest = sorted[family][startingBefore(sorted[family], first + 1n) - 1]
      return nearest !== undefined && nearest.last >= last
    },
    under,
    add(term) {
      const covered = under(term)
      for (const each of covered) kept.delete(each)
      kept.add(term)
      sorted[term.family].splice(startingBefore(sorted[term.family], term.first), covered.length, term)
    },
    all: () => [...kept],
  }
}

/** How many start before this address. */
function startingBefore(terms: readonly Term[], address: bigint): number {
  let [low, high] = [0, terms.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((terms[middle] as Term).first < address) low = middle + 1
    else high = middle
  }
  return low
}
