import { coveredByOne, withoutCovered } from '../../src/core/address-set.ts'

export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR
/** The lengths in the playbook. */
export const LENGTHS = [HOUR, DAY, 7 * DAY, 30 * DAY] as const
/** What the service is told in its environment. */
export const ADOPT_FOR = 5 * DAY
export const RELEASE_FOR = DAY
const LAPSES_AFTER = DAY

/** Why an address is wanted; `until` is null while its clock has not started. */
export interface Wish {
  readonly at: number
  readonly durationMs: number
  readonly until: number | null
}

export interface Suspect {
  readonly address: string
  /** When anybody first wanted it, of what stands now. */
  since: number
  alert: (Wish & { readonly offence: number }) | null
  operator: Wish | null
  readonly entries: Map<string, Wish>
  past: { readonly count: number; readonly endedAt: number; readonly how: 'ended' | 'lapsed' | 'lifted' } | null
  /** Zones that list it and let nobody in, as they were when last reached. */
  readonly held: Set<string>
}

export type Answer = 'wanted' | 'released' | 'allowlisted' | 'lapsed'

/** What alerts, operators and people at the zones want of each address, from what they did and nothing else. */
export class MonthOracle {
  readonly suspects = new Map<string, Suspect>()
  #releases: { address: string; at: number; until: number }[] = []
  readonly #allowed = new Map<string, number>()

  of(address: string): Suspect {
    const known = this.suspects.get(address)
    if (known !== undefined) return known
    const made = {
      address,
      since: 0,
      alert: null,
      operator: null,
      entries: new Map(),
      past: null,
      held: new Set<string>(),
    }
    this.suspects.set(address, made)
    return made
  }

  /** An alert about it is decided; `since`: when it was decided before and has not been concluded since. */
  alerted(address: string, event: number, now: number, since: number | null): Answer {
    const it = this.of(address)
    if (since !== null && this.#hasLapsed(it, since, now)) return 'lapsed'
    if (this.isAllowed(address, now)) return 'allowlisted'
    if (this.#releases.some((r) => now < r.until && covers(r.address, address))) return 'released'
    if (it.alert !== null && isLive(it.alert, now)) return 'wanted'
    const past = it.alert === null ? it.past : { count: it.alert.offence, endedAt: it.alert.until ?? now }
    const offence = past === null ? 1 : event <= past.endedAt ? past.count : past.count + 1
    const durationMs = LENGTHS[Math.min(offence, LENGTHS.length) - 1] as number
    this.#begin(it, now)
    it.alert = { offence, at: now, durationMs, until: it.held.size > 0 ? now + durationMs : null }
    return 'wanted'
  }

  ordered(address: string, durationMs: number, now: number): void {
    const it = this.of(address)
    this.#begin(it, now)
    it.operator = { at: now, durationMs, until: it.held.size > 0 ? now + durationMs : null }
  }

  lifted(address: string, now: number): void {
    this.#end(this.of(address), now)
    this.#releases.push({ address, at: now, until: now + RELEASE_FOR })
  }

  allowed(address: string, until: number, now: number): void {
    this.#allowed.set(address, until)
    for (const it of this.suspects.values()) if (overlap(address, it.address)) this.#end(it, now)
  }

  friends(): string[] {
    return [...this.#allowed.keys()]
  }

  disallowed(address: string): void {
    this.#allowed.delete(address)
  }

  /** A person wrote it into the rule of a zone, and a pass has seen it. */
  entered(address: string, zone: string, now: number): void {
    const it = this.of(address)
    this.#begin(it, now)
    it.entries.set(zone, { at: now, durationMs: ADOPT_FOR, until: null })
  }

  /** A pass over any zone took stock. */
  swept(now: number): void {
    this.#releases = this.#releases.filter((r) => now < r.until)
    for (const it of this.suspects.values()) {
      if (it.alert !== null && !isByHand(it, now) && (this.isAllowed(it.address, now) || this.#isLetOut(it, now)))
        this.#end(it, now)
      if (it.alert !== null && it.alert.until !== null && it.alert.until <= now) this.#remember(it, it.alert.until)
      if (it.alert !== null && it.alert.until === null && it.held.size === 0 && it.alert.at + LAPSES_AFTER <= now) {
        it.past = { count: it.alert.offence, endedAt: now, how: 'lapsed' }
        it.alert = null
      }
      if (it.operator !== null && !isLive(it.operator, now)) it.operator = null
      for (const [zone, wish] of it.entries) if (!isLive(wish, now)) it.entries.delete(zone)
      // With its last reason goes what was known of it, also of zones that are out of reach.
      if (wishesOf(it).length === 0) it.held.clear()
    }
  }

  /** The clock of what was first held now is running; the instance died before anybody could see more. */
  begun(address: string, now: number): void {
    start(this.of(address), now)
  }

  /** A pass over the zone ended: what it lists, and whether that lets nobody in. */
  settled(zone: string, listed: readonly string[], inForce: boolean, now: number): void {
    const [exactly, covered] = [new Set(listed), coveredByOne(listed)]
    const isListed = (address: string) => exactly.has(address) || covered(address)
    for (const it of this.suspects.values()) {
      if (!inForce || !isWantedOn(it, zone, now) || !isListed(it.address)) {
        it.held.delete(zone)
        continue
      }
      it.held.add(zone)
      start(it, now)
    }
  }

  /** Everything that is wanted there. */
  wantedOn(zone: string, now: number): Suspect[] {
    return [...this.suspects.values()].filter((it) => isWantedOn(it, zone, now))
  }

  /** The next moment at which something ends, after `now`. */
  nextEnd(now: number): number {
    let next = Number.POSITIVE_INFINITY
    for (const it of this.suspects.values())
      for (const wish of wishesOf(it)) if (wish.until !== null && wish.until > now) next = Math.min(next, wish.until)
    return next
  }

  #begin(it: Suspect, now: number): void {
    if (wishesOf(it).length === 0) it.since = now
  }

  #end(it: Suspect, now: number): void {
    if (it.alert !== null) it.past = { count: it.alert.offence, endedAt: now, how: 'lifted' }
    it.alert = null
    it.operator = null
    it.entries.clear()
    it.held.clear()
  }

  #remember(it: Suspect, endedAt: number): void {
    if (it.alert !== null) it.past = { count: it.alert.offence, endedAt, how: 'ended' }
    it.alert = null
  }

  #hasLapsed(it: Suspect, since: number, now: number): boolean {
    if (it.alert !== null && isLive(it.alert, now)) return false
    if (it.alert !== null || wishesOf(it).length > 0) return true
    return it.past !== null && it.past.how !== 'lifted' && it.past.endedAt >= since
  }

  isAllowed(address: string, now: number): boolean {
    return [...this.#allowed].some(([entry, until]) => now < until && overlap(entry, address))
  }

  /** A wider release spares what stood before. */
  #isLetOut(it: Suspect, now: number): boolean {
    return this.#releases.some(
      (r) => now < r.until && (r.address === it.address || (covers(r.address, it.address) && it.since > r.at)),
    )
  }
}

export function isWantedOn(it: Suspect, zone: string, now: number): boolean {
  const entry = it.entries.get(zone)
  return [it.alert, it.operator, entry ?? null].some((wish) => wish !== null && isLive(wish, now))
}

/** Lower goes first when room is given out. */
export function rankOn(it: Suspect, zone: string): 0 | 1 | 2 {
  return it.entries.has(zone) ? 0 : it.operator !== null ? 1 : 2
}

/** None of them covered by another, sorted. */
export function narrowest(addresses: readonly string[]): string[] {
  return withoutCovered(addresses).sort()
}

export function isLive(wish: Wish, now: number): boolean {
  return wish.until === null || wish.until > now
}

function isByHand(it: Suspect, now: number): boolean {
  return [it.operator, ...it.entries.values()].some((wish) => wish !== null && isLive(wish, now))
}

function wishesOf(it: Suspect): Wish[] {
  return [it.alert, it.operator, ...it.entries.values()].filter((wish) => wish !== null)
}

function start(it: Suspect, now: number): void {
  if (it.alert !== null) it.alert = started(it.alert, now)
  if (it.operator !== null) it.operator = started(it.operator, now)
  for (const [zone, wish] of it.entries) it.entries.set(zone, started(wish, now))
}

function started<T extends Wish>(wish: T, now: number): T {
  return wish.until === null ? { ...wish, until: now + wish.durationMs } : wish
}

function covers(a: string, b: string): boolean {
  return a === b || (a.includes('/') && a.includes(':') === b.includes(':') && coveredByOne([a])(b))
}

function overlap(a: string, b: string): boolean {
  return covers(a, b) || covers(b, a)
}
