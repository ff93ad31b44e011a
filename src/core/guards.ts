import { type Address, automaticBan, parseAddress, parseTerm, type Term } from './address.ts'
import { type AddressSet, addressSet } from './address-set.ts'
import type { Forcible } from './ban.ts'
import { SENTINEL } from './expression/serialize.ts'

/** Every named "no", in the order in which they are asked; the same word in log, metric, tag, page and answer. */
export const REFUSALS = [
  'no-address',
  'malformed',
  'private',
  'cloudflare',
  'allowlisted',
  'released',
  'too-broad',
  'too-old',
  'observing',
  'quota-spent',
] as const
export type Refusal = (typeof REFUSALS)[number]

export interface AllowEntry {
  /** The canonical text of a term. */
  readonly text: string
  readonly note: string
}

/** A person let this address out: automatic bans of it are refused until `until`. Both times are ISO 8601. */
export interface Released {
  readonly address: string
  readonly at: string
  readonly until: string
}

/** What the guards know. The lists are read-only for good: change the allowlist by making a new one. */
export interface GuardFacts {
  readonly by: 'alert' | 'operator'
  readonly allowlist: readonly AllowEntry[]
  readonly released: readonly Released[]
  readonly cloudflareRanges: AddressSet
  readonly allowDocumentationRanges: boolean
  /** The event is older than `MAX_ALERT_AGE`, or nobody knows its age. */
  readonly tooOld: boolean
  readonly observing: boolean
  readonly now: Date
  /** When the ban was decided: now, or the moment at which a ban that is judged again came to be. */
  readonly decidedAt: Date
}

export type Judgement =
  /** `address` is what the ban covers: for an alert, the whole /64 of an IPv6 host. */
  | { readonly kind: 'ok'; readonly address: Address }
  /** `detail` is for people; what arrived is in it only shortened and as printable ASCII. */
  | { readonly kind: 'refused'; readonly refusal: Refusal; readonly address: Address | null; readonly detail: string }

/** May this suspect be banned? The first guard that says no names the refusal. `no-address` and `quota-spent` are the caller's. */
export function judge(suspectText: string, facts: GuardFacts): Judgement {
  const suspect = parseAddress(suspectText)
  if (suspect === null) {
    return {
      kind: 'refused',
      refusal: 'malformed',
      address: null,
      detail: `${quoted(suspectText)} is not an IP address`,
    }
  }
  const address = facts.by === 'alert' ? automaticBan(suspect) : suspect
  const refused = firstRefusal(facts.by === 'alert' ? AUTOMATIC : BY_HAND, address, facts)
  return refused === null ? { kind: 'ok', address } : { kind: 'refused', address, ...refused }
}

/**
 * The same for a ban by hand that overrules this guard, with a reason. Nobody may ban private addresses, Cloudflare, and our own
 * (`self`), for without them nothing works any more.
 */
export function judgeForced(suspectText: string, facts: GuardFacts, forced: Forcible): Judgement {
  const own = facts.allowlist.filter(({ note }) => note === 'self')
  const judged = judge(suspectText, forced === 'allowlisted' ? { ...facts, allowlist: own } : facts)
  if (judged.kind === 'ok' || judged.refusal !== 'too-broad' || judged.address === null) return judged
  return { kind: 'ok', address: judged.address }
}

/** The guards whose answer may change while an automatic ban stands, asked again in every pass; null: it may stay. */
export function stillRefused(
  banAddress: Address,
  facts: Omit<GuardFacts, 'by' | 'tooOld' | 'observing'>,
): { readonly refusal: Refusal; readonly detail: string } | null {
  return firstRefusal(STANDING, banAddress, { ...facts, by: 'alert', tooOld: false, observing: false })
}

/** Says why not, for people; null: no objection. */
type Guard = (address: Address, facts: GuardFacts) => string | null
type NamedGuard = readonly [Refusal, Guard]

const FRIENDS: readonly NamedGuard[] = [
  ['private', isPrivate],
  ['cloudflare', isCloudflare],
  ['allowlisted', isAllowlisted],
]
const STANDING: readonly NamedGuard[] = [...FRIENDS, ['released', wasReleased]]
const AUTOMATIC: readonly NamedGuard[] = [
  ...STANDING,
  ['too-broad', isTooBroad],
  ['too-old', isTooOld],
  ['observing', isObserving],
]
const BY_HAND: readonly NamedGuard[] = [...FRIENDS, ['too-broad', isTooBroad]]

function firstRefusal(guards: readonly NamedGuard[], address: Address, facts: GuardFacts) {
  for (const [refusal, guard] of guards) {
    const detail = guard(address, facts)
    if (detail !== null) return { refusal, detail }
  }
  return null
}

/** Nobody comes from there over the Internet. */
export const PRIVATE_RANGES: readonly string[] = [
  ...['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'], // RFC 1918
  ...['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '100.64.0.0/10'], // this network, loopback, link-local, CGNAT
  ...['192.0.0.0/24', '198.18.0.0/15', '224.0.0.0/4', '240.0.0.0/4'], // IETF protocols, benchmarks, multicast, reserved
  ...['::', '::1', 'fe80::/10', 'fc00::/7', 'ff00::/8'], // unspecified, loopback, link-local, ULA, multicast
]
const PRIVATE = addressSet(PRIVATE_RANGES)
const DOCUMENTATION = addressSet(['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24', '2001:db8::/32', '3fff::/20'])

function isPrivate(address: Address, facts: GuardFacts): string | null {
  if (PRIVATE.covers(address))
    return `${address.text} is private or reserved: nobody comes from there over the Internet`
  if (PRIVATE.overlaps(address)) return `${address.text} holds private or reserved addresses`
  // In the rule it would be taken for the mark of an empty set, so its ban could never be held.
  if (address.text === SENTINEL) return `${address.text} marks an empty rule and cannot be banned`
  if (!facts.allowDocumentationRanges && DOCUMENTATION.overlaps(address)) {
    return `${address.text} is a documentation range (ALLOW_DOCUMENTATION_RANGES=true allows its ban)`
  }
  return null
}

function isCloudflare(address: Address, facts: GuardFacts): string | null {
  if (!facts.cloudflareRanges.overlaps(address)) return null
  if (!facts.cloudflareRanges.covers(address)) return `${address.text} holds addresses of Cloudflare itself`
  return `${address.text} is Cloudflare itself: the SIEM saw the edge instead of the client`
}

function isAllowlisted(address: Address, facts: GuardFacts): string | null {
  if (!unionOf(facts.allowlist, allowText).overlaps(address)) return null
  const entry = facts.allowlist.find(({ text }) => addressSet([text]).overlaps(address))
  if (entry === undefined) return null
  const note = entry.note === '' ? '' : ` (${entry.note})`
  return entry.text === address.text
    ? `on the allowlist${note}`
    : `${address.text} meets ${entry.text} of the allowlist${note}`
}

function wasReleased(address: Address, facts: GuardFacts): string | null {
  if (!unionOf(facts.released, releasedText).covers(address)) return null
  const release = facts.released.find((released) => holdsBack(released, address, facts))
  return release === undefined
    ? null
    : `a person let ${release.address} out; automatic bans are refused until ${release.until}`
}

function holdsBack(released: Released, address: Address, facts: GuardFacts): boolean {
  if (facts.now >= new Date(released.until)) return false
  const term = parseTerm(released.address) as Term
  if (term.family !== address.family || term.first > address.first || term.last < address.last) return false
  const same = term.first === address.first && term.last === address.last
  // A ban inside that stood before only rode on the wider one: it was not the person's aim.
  return same || facts.decidedAt > new Date(released.at)
}

function isTooBroad(address: Address, facts: GuardFacts): string | null {
  const widest = facts.by === 'alert' ? { 4: 24, 6: 48 }[address.family] : { 4: 8, 6: 32 }[address.family]
  if (address.prefix >= widest) return null
  return `${address.text} is wider than /${widest}, the widest ${facts.by === 'alert' ? 'automatic ban' : 'ban by hand'}`
}

function isTooOld(_: Address, facts: GuardFacts): string | null {
  return facts.tooOld ? 'the event is older than MAX_ALERT_AGE, or its age is not known' : null
}

function isObserving(_: Address, facts: GuardFacts): string | null {
  return facts.observing ? 'observing: nothing new is blocked' : null
}

const allowText = (entry: AllowEntry) => entry.text
const releasedText = (released: Released) => released.address

// A pass asks these lists about thousands of bans: most answers are a no that must not cost a walk through the list.
const unions = new WeakMap<object, AddressSet>()

function unionOf<T>(list: readonly T[], textOf: (item: T) => string): AddressSet {
  const known = unions.get(list)
  if (known !== undefined) return known
  const made = addressSet(list.map(textOf))
  unions.set(list, made)
  return made
}

function quoted(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 60)}...` : text
  return JSON.stringify(short).replace(/[^\x20-\x7e]/g, '?')
}
