import { type Family, parseTerm, type Term } from './address.ts'

/** Addresses compared as sets, never as strings: a /64 covers its /128s, two halves cover the whole. */
export interface AddressSet {
  /** Is every address of the term in the set? */
  covers(term: Term | string): boolean
  /** Is any? */
  overlaps(term: Term | string): boolean
}

/** Terms as strings are texts that `parseTerm` reads; any other string is a mistake of the caller and throws, here and in the answers. */
export function addressSet(terms: Iterable<Term | string>): AddressSet {
  const all = Array.from(terms, termOf)
  const intervals = { 4: merged(all, 4), 6: merged(all, 6) }
  return {
    covers(term) {
      const { family, first, last } = termOf(term)
      const interval = lastStartingBy(first, intervals[family])
      return interval !== undefined && last <= interval.last
    },
    overlaps(term) {
      const { family, first, last } = termOf(term)
      const interval = lastStartingBy(last, intervals[family])
      return interval !== undefined && first <= interval.last
    },
  }
}

/** Whether one of the terms, alone, covers the given one: two halves do not cover the whole. */
export function coveredByOne(terms: Iterable<Term | string>): (term: Term | string) => boolean {
  const widest = withoutCovered(Array.from(terms, termOf)).sort(byStart)
  const intervals = { 4: widest.filter(({ family }) => family === 4), 6: widest.filter(({ family }) => family === 6) }
  return (term) => {
    const { family, first, last } = termOf(term)
    const interval = lastStartingBy(first, intervals[family])
    return interval !== undefined && last <= interval.last
  }
}

/** Drops every term that one other term covers, keeping the first of equals and the order of the rest. */
export function withoutCovered<T extends Term | string>(terms: Iterable<T>): T[] {
  const all = Array.from(terms, (given, place) => ({ given, place, term: termOf(given) }))
  // Whoever can cover a term stands before it here: it starts no later, and wider ones come first.
  const sorted = all.toSorted(
    (a, b) => byStart(a.term, b.term) || compare(b.term.last, a.term.last) || a.place - b.place,
  )
  const kept = new Set<number>()
  const reach = { 4: -1n, 6: -1n }
  for (const { place, term } of sorted) {
    if (term.last <= reach[term.family]) continue
    reach[term.family] = term.last
    kept.add(place)
  }
  return all.filter(({ place }) => kept.has(place)).map(({ given }) => given)
}

interface Interval {
  readonly first: bigint
  readonly last: bigint
}

function merged(terms: readonly Term[], family: Family): Interval[] {
  const result: Interval[] = []
  for (const { first, last } of terms.filter((term) => term.family === family).sort(byStart)) {
    const previous = result.at(-1)
    if (previous === undefined || first > previous.last + 1n) result.push({ first, last })
    else if (last > previous.last) result[result.length - 1] = { first: previous.first, last }
  }
  return result
}

function lastStartingBy(value: bigint, intervals: readonly Interval[]): Interval | undefined {
  let [low, high] = [0, intervals.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((intervals[middle] as Interval).first <= value) low = middle + 1
    else high = middle
  }
  return intervals[low - 1]
}

function termOf(term: Term | string): Term {
  if (typeof term !== 'string') return term
  const read = parseTerm(term)
  if (read === null) throw new TypeError(`not an address, a CIDR or a range: ${JSON.stringify(term.slice(0, 100))}`)
  return read
}

function byStart(a: Interval, b: Interval): number {
  return compare(a.first, b.first)
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0
}
