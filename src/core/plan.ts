import { addressSet, withoutCovered } from './address-set.ts'
import { type Ban, isWantedOn, rankOn } from './ban.ts'
import { expressionLength, serializeExpression } from './expression/serialize.ts'

export interface PlanFacts {
  readonly edge: string
  readonly bans: readonly Ban[]
  /** Terms that stand in the rule now: they keep their order, so that a person sees small differences. */
  readonly current: readonly string[]
  /** Foreign operands of the rule, which stay. */
  readonly clauses: readonly string[]
  /** Longest expression, in characters. */
  readonly limit: number
  /** Observing: nothing that is not held already is written. */
  readonly observing: boolean
  readonly now: Date
}

export interface Plan {
  /** What our rule is to hold: canonical terms, none covered by another. */
  readonly terms: readonly string[]
  /** Wanted here, and no room. */
  readonly waiting: readonly string[]
  /** Held until now, and pushed out by people's entries and operators' bans. */
  readonly displaced: readonly string[]
  readonly used: number
}

/**
 * Gives out the room of one rule: people's entries, operators' bans, held automatic bans (they keep their place), then
 * waiting ones by last seen. Planning the result again changes nothing.
 */
export function plan(facts: PlanFacts): Plan {
  const { edge, now, current, clauses, limit } = facts
  const wanted = facts.bans
    .filter((ban) => isWantedOn(ban, edge, now) && !(facts.observing && isNew(ban, edge, now)))
    .sort((a, b) => order(a, b, edge, now))
  const chosen = choose(wanted, lengthLeft(clauses, limit))
  const inRule = new Set(chosen)
  const standing = current.filter((term) => inRule.has(term))
  const terms = [...standing, ...chosen.filter((term) => !standing.includes(term))]
  const placed = addressSet(terms)
  const out = wanted.filter((ban) => !placed.covers(ban.address))
  const isDisplaced = (ban: Ban) => ban.edges[edge]?.held === true && rankOn(ban, edge, now) === 2
  return {
    terms,
    waiting: out.filter((ban) => !isDisplaced(ban)).map((ban) => ban.address),
    displaced: out.filter(isDisplaced).map((ban) => ban.address),
    used: expressionLength(serializeExpression({ terms, clauses })),
  }
}

/** Characters for terms: an expression's limit less the clauses and less `(ip.src in {})`. */
function lengthLeft(clauses: readonly string[], limit: number): number {
  const [some, none] = [{ terms: ['::'], clauses }, '::'.length]
  return limit - (expressionLength(serializeExpression(some)) - none)
}

/** In order of rank, as many as fit; a term that a chosen one covers takes no room. */
function choose(wanted: readonly Ban[], room: number): string[] {
  let left = room + 1
  let candidates = wanted.map((ban) => ban.address)
  const chosen: string[] = []
  for (;;) {
    const widest = withoutCovered(candidates)
    for (const term of widest) {
      // One blank between terms.
      const length = expressionLength(term) + 1
      if (length > left) continue
      chosen.push(term)
      left -= length
    }
    // What only a wider term without room would have covered gets a try of its own.
    const placed = addressSet(chosen)
    const tried = new Set(widest)
    const rest = candidates.filter((term) => !tried.has(term) && !placed.covers(term))
    if (rest.length === 0) return chosen
    candidates = rest
  }
}

function isNew(ban: Ban, edge: string, now: Date): boolean {
  return ban.edges[edge]?.held !== true && rankOn(ban, edge, now) === 2
}

function order(a: Ban, b: Ban, edge: string, now: Date): number {
  const place = (ban: Ban) => rankOn(ban, edge, now) * 2 + (ban.edges[edge]?.held ? 0 : 1)
  return (
    place(a) - place(b) ||
    (a.lastSeen < b.lastSeen ? 1 : a.lastSeen > b.lastSeen ? -1 : 0) ||
    (a.address < b.address ? -1 : 1)
  )
}
