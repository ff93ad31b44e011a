import { parseTerm, type Term } from './address.ts'
import { coveredByOne } from './address-set.ts'
import { type Ban, isWantedOn, rankOn } from './ban.ts'
import { expressionLength, serializeExpression } from './expression/serialize.ts'
import { uncovered } from './uncovered.ts'

export interface PlanFacts {
  readonly edge: string
  readonly bans: readonly Ban[]
  /** Terms that stand in the rule now: they keep their order, so that a person sees small differences. */
  readonly current: readonly string[]
  /** Foreign operands of the rule, which stay. */
  readonly clauses: readonly string[]
  /** Longest expression, in characters; people's entries that stand there already may be more. */
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
  // What stands there is not new and keeps its place, though nothing counts as held while the rule is switched off.
  const stands = new Set(current)
  const isListed = coveredByOne(current)
  const keeps = (ban: Ban) => isHeld(ban, edge) || (edge in ban.edges && isListed(ban.address))
  const wanted = facts.bans
    .filter((ban) => isWantedOn(ban, edge, now))
    .filter((ban) => !facts.observing || stands.has(ban.address) || !isNew(ban, edge, now))
    .sort((a, b) => order(a, b, edge, now, keeps))
  const isKept = coveredByOne(wanted.map(({ address }) => address).filter((address) => stands.has(address)))
  const stays = (ban: Ban) => stands.has(ban.address) || (keeps(ban) && isKept(ban.address))
  const candidates = wanted.map((ban) => ({
    term: parseTerm(ban.address) as Term,
    stays: rankOn(ban, edge, now) === 0 && stays(ban),
  }))
  const chosen = choose(candidates, lengthLeft(clauses, limit))
  const inRule = new Set(chosen)
  const standing = new Set(current.filter((term) => inRule.has(term)))
  const terms = [...standing, ...chosen.filter((term) => !standing.has(term))]
  const isPlaced = coveredByOne(terms)
  const out = wanted.filter((ban) => !isPlaced(ban.address))
  const isDisplaced = (ban: Ban) => keeps(ban) && rankOn(ban, edge, now) === 2
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

interface Candidate {
  readonly term: Term
  /** A person's entry that stands in the rule stays there, whatever the limit says: by itself, or within a wider ban. */
  readonly stays: boolean
}

/** In order of rank, as many as fit; what one chosen term covers takes no room. */
function choose(candidates: readonly Candidate[], room: number): string[] {
  const first: Candidate[] = []
  for (;;) {
    const { chosen, freeing } = fill([...first, ...candidates], room)
    if (freeing === null) return chosen.map((term) => term.text)
    first.push(freeing)
  }
}

/** `freeing`: one whose coming made room after somebody before it had been sent away: he is to be asked again. */
function fill(candidates: readonly Candidate[], room: number): { chosen: readonly Term[]; freeing: Candidate | null } {
  const chosen = uncovered()
  // One blank between terms.
  let left = room + 1
  let sentAway = false
  for (const candidate of candidates) {
    const { term, stays } = candidate
    if (chosen.covers(term)) continue
    // Those that it covers make room for it.
    const cost = chosen.under(term).reduce((sum, covered) => sum - lengthOf(covered), lengthOf(term))
    // What makes room is welcome also where entries that stay have taken more than there is.
    if (cost > Math.max(0, left) && !stays) sentAway = true
    else if (cost < 0 && sentAway) return { chosen: chosen.all(), freeing: candidate }
    else {
      chosen.add(term)
      left -= cost
    }
  }
  return { chosen: chosen.all(), freeing: null }
}

function lengthOf(term: Term): number {
  return expressionLength(term.text) + 1
}

/** An automatic ban that this edge does not hold yet. */
export function isNew(ban: Ban, edge: string, now: Date): boolean {
  return !isHeld(ban, edge) && rankOn(ban, edge, now) === 2
}

function isHeld(ban: Ban, edge: string): boolean {
  return ban.edges[edge]?.held === true
}

/** Who goes first when room is given out: by rank, then those that keep their place (absent: held ones), then the last seen. */
export function order(a: Ban, b: Ban, edge: string, now: Date, keeps = (ban: Ban) => isHeld(ban, edge)): number {
  const place = (ban: Ban) => rankOn(ban, edge, now) * 2 + (keeps(ban) ? 0 : 1)
  return (
    place(a) - place(b) ||
    (a.lastSeen < b.lastSeen ? 1 : a.lastSeen > b.lastSeen ? -1 : 0) ||
    (a.address < b.address ? -1 : 1)
  )
}
