import { parseAddress, parseTerm, type Term } from '../core/address.ts'
import { addressSet } from '../core/address-set.ts'
import { type Ban, endOf, isLive, isWantedOn } from '../core/ban.ts'
import { OpsRefusal } from './ops-refusal.ts'

/** A ban as the API shows it. */
export interface BanView extends Ban {
  /** `held`: on every edge where it is wanted. `waiting`: not on all of them. `ended`: the next pass lets it go. */
  readonly state: 'held' | 'waiting' | 'ended'
  readonly origins: readonly string[]
  /** When the last of its reasons ends; null: never, or its clock has not started. */
  readonly until: string | null
}

export function viewOf(ban: Ban, edges: readonly string[], now: Date): BanView {
  const live = ban.reasons.filter((reason) => isLive(reason, now))
  const wanted = edges.filter((edge) => isWantedOn(ban, edge, now))
  const held = wanted.length > 0 && wanted.every((edge) => ban.edges[edge]?.held)
  return {
    ...ban,
    state: live.length === 0 ? 'ended' : held ? 'held' : 'waiting',
    origins: [...new Set(live.map((reason) => reason.origin))],
    until: endOf(ban),
  }
}

export interface BanQuery {
  readonly state: string | null
  readonly origin: string | null
  readonly edge: string | null
  readonly sort: string
  readonly limit: number
}

const STATES = ['held', 'waiting', 'ended']
export const ORIGINS = ['alert', 'operator', 'edge']
const SORTS = ['last-seen', 'created', 'until', 'address']
const MOST = 10_000

/** Reads `?state=&origin=&edge=&sort=&limit=`; a 400 names what is wrong. */
export function readBanQuery(query: Readonly<Record<string, unknown>>, edges: readonly string[]): BanQuery {
  const limit = query.limit ?? '1000'
  if (typeof limit !== 'string' || !/^\d{1,5}$/.test(limit) || Number(limit) < 1 || Number(limit) > MOST)
    throw new OpsRefusal(400, `limit must be a number from 1 to ${MOST}.`)
  return {
    state: oneOf('state', query.state, STATES),
    origin: oneOf('origin', query.origin, ORIGINS),
    edge: oneOf('edge', query.edge, edges),
    sort: oneOf('sort', query.sort, SORTS) ?? 'last-seen',
    limit: Number(limit),
  }
}

/** The views that the query asks for, and how many there are without its limit. */
export function selectBans(
  bans: readonly Ban[],
  query: BanQuery,
  edges: readonly string[],
  now: Date,
): { readonly total: number; readonly bans: readonly BanView[] } {
  const { state, origin, edge } = query
  const found = bans
    .filter((ban) => edge === null || isWantedOn(ban, edge, now) || ban.edges[edge]?.held)
    .map((ban) => viewOf(ban, edge === null ? edges : [edge], now))
    .filter((view) => (state === null || view.state === state) && (origin === null || view.origins.includes(origin)))
    .sort(ORDERS[query.sort])
  return { total: found.length, bans: found.slice(0, query.limit) }
}

/** The bans of the address itself and of whatever covers it, the narrowest first. */
export function bansCovering(bans: readonly Ban[], term: Term): Ban[] {
  const size = (ban: Ban) => {
    const read = parseTerm(ban.address)
    return read === null ? 0n : read.last - read.first
  }
  return bans
    .filter((ban) => addressSet([ban.address]).covers(term))
    .sort((a, b) => (size(a) < size(b) ? -1 : size(a) > size(b) ? 1 : 0))
}

/** An address or CIDR as people write it, or a range as it stands in the rule; a 400 otherwise. */
export function readTerm(text: string): Term {
  const term = parseAddress(text) ?? parseTerm(text)
  if (term !== null) return term
  const shown = JSON.stringify(text.slice(0, 60)).replace(/[^\x20-\x7e]/g, '?')
  throw new OpsRefusal(400, `${shown} is not an IP address, a CIDR or a range.`)
}

const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
const ORDERS: Readonly<Record<string, (a: BanView, b: BanView) => number>> = {
  'last-seen': (a, b) => byText(b.lastSeen, a.lastSeen),
  created: (a, b) => byText(b.createdAt, a.createdAt),
  // Those without an end come last.
  until: (a, b) => byText(a.until ?? '~', b.until ?? '~'),
  address: (a, b) => {
    const [x, y] = [parseTerm(a.address), parseTerm(b.address)]
    if (x === null || y === null) return byText(a.address, b.address)
    return x.family - y.family || (x.first < y.first ? -1 : x.first > y.first ? 1 : 0)
  },
}

/** One of these words, null where nothing is given; a 400 otherwise. */
export function oneOf(name: string, value: unknown, allowed: readonly string[]): string | null {
  if (value === undefined || value === '') return null
  if (typeof value === 'string' && allowed.includes(value)) return value
  throw new OpsRefusal(400, `${name} must be one of: ${allowed.join(', ')}.`)
}
