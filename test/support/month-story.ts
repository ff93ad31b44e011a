import type { Deed } from './month-people.ts'

/** Everything that is left to chance, from one seed. */
export interface Chance {
  /** A whole number from 0, less than `n`. */
  below(n: number): number
  some<T>(all: readonly T[], n: number): T[]
  /** One of the attackers, as an automatic ban names it; some of them come again and again. */
  attacker(): string
}

export type Event =
  | { readonly kind: 'alerts'; readonly attackers: readonly string[] }
  | { readonly kind: 'deed'; readonly zone: number; readonly deed: Deed }
  | { readonly kind: 'order'; readonly order: Order }
  | { readonly kind: 'down' | 'up' | 'small' | 'wide' | 'enable' | 'resume'; readonly zone: number }
  | { readonly kind: 'elastic-down' | 'elastic-up' | 'restart' | 'crash' | 'resume-bans' }
export type Order = 'ban' | 'ban-wide' | 'unban' | 'allow' | 'disallow' | 'pause'

export interface Timed {
  /** Minutes from the beginning. */
  readonly minute: number
  readonly event: Event
}

export const ATTACKERS = 500
const DAY_MINUTES = 24 * 60

export function chanceOf(seed: number): Chance {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (n: number) => Math.floor(next() * n)
  return {
    below,
    some(all, n) {
      const left = [...all]
      return Array.from({ length: Math.min(n, left.length) }, () => left.splice(below(left.length), 1)[0] as never)
    },
    attacker: () => addressOf(Math.floor(ATTACKERS * next() ** 1.7)),
  }
}

/** One in ten has IPv6; a dozen share each of the 40 networks of 256. */
function addressOf(n: number): string {
  return n % 10 === 9 ? `2a00:1:2:${n.toString(16)}::/64` : `45.77.${n % 40}.${10 + Math.floor(n / 40)}`
}

/** What happens in so many days, in order of time. */
export function storyOf(days: number, zones: number, chance: Chance): Timed[] {
  const all: Timed[] = []
  const at = (minute: number, event: Event) => {
    if (minute < days * DAY_MINUTES) all.push({ minute, event })
  }
  const anywhere = () => chance.below(zones)
  for (let day = 0; day < days; day++) {
    const today = () => day * DAY_MINUTES + chance.below(DAY_MINUTES)
    for (let wave = 0; wave < 2; wave++) attack(today())
    for (const deed of ['add', 'remove', 'foreign', 'stale', 'meanwhile'] as const)
      for (let n = chance.below(3); n > 0; n--) at(today(), { kind: 'deed', zone: anywhere(), deed })
    for (const order of ['ban', 'unban', 'unban', 'allow', 'disallow', 'ban-wide'] as const)
      if (chance.below(2) === 0) at(today(), { kind: 'order', order })
    if (chance.below(4) === 0)
      at(today(), { kind: 'deed', zone: anywhere(), deed: chance.below(2) ? 'wipe' : 'delete' })
    if (chance.below(8) === 0) at(today(), { kind: 'deed', zone: anywhere(), deed: 'clause' })
    if (chance.below(2) === 0) at(today(), { kind: chance.below(3) === 0 ? 'restart' : 'crash' })
    if (chance.below(6) === 0) between('down', 'up', today(), 6 * 60)
    if (chance.below(5) === 0) switchOff(today(), anywhere())
    if (chance.below(10) === 0) between('small', 'wide', today(), DAY_MINUTES, DAY_MINUTES)
    // Nobody leaves a zone where nothing is written like that for long.
    for (let zone = 0; zone < zones; zone++) at(day * DAY_MINUTES + 9 * 60, { kind: 'resume', zone })
  }
  return all.sort((a, b) => a.minute - b.minute)

  function attack(from: number): void {
    // What matters happens while there are alerts.
    const amid = from + 1 + chance.below(40)
    if (chance.below(8) === 0) within('elastic-down', 'elastic-up', amid, 60)
    if (chance.below(12) === 0) pauseBans(amid)
    if (chance.below(12) === 0) between('down', 'up', amid, 6 * 60)
    const attackers = [...new Set(Array.from({ length: 6 + chance.below(26) }, () => chance.attacker()))]
    const rounds = 2 + chance.below(9)
    for (let round = 0; round < rounds; round++) {
      const active = attackers.filter(() => chance.below(8) > 0)
      at(from + 10 * round, { kind: 'alerts', attackers: active })
    }
  }

  function between(begin: 'down' | 'small', end: 'up' | 'wide', from: number, most: number, least = 20): void {
    const zone = anywhere()
    at(from, { kind: begin, zone })
    at(from + least + chance.below(most - least + 1), { kind: end, zone })
  }

  function within(begin: 'elastic-down', end: 'elastic-up', from: number, length: number): void {
    at(from, { kind: begin })
    at(from + length, { kind: end })
  }

  function switchOff(from: number, zone: number): void {
    at(from, { kind: 'deed', zone, deed: 'switch' })
    at(from + 10 + chance.below(5 * 60), { kind: 'enable', zone })
  }

  function pauseBans(from: number): void {
    at(from, { kind: 'order', order: 'pause' })
    at(from + 30 + chance.below(4 * 60), { kind: 'resume-bans' })
  }
}
