import { coveredByOne } from '../../src/core/address-set.ts'
import type { Rule } from '../../src/core/rules.ts'
import { DAY, HOUR, isWantedOn, type MonthOracle } from './month-oracle.ts'
import type { Chance } from './month-story.ts'
import type { Zone } from './month-world.ts'
import { adding, deleting, OURS, ownRule, removing, setting, termsIn, wiping } from './settle-world.ts'

export type Deed = 'add' | 'remove' | 'wipe' | 'delete' | 'switch' | 'stale' | 'clause' | 'foreign' | 'meanwhile'

/** What is so at one zone because people want it so. */
export interface ZoneTruth {
  readonly zone: Zone
  enabled: boolean
  contested: boolean
  putBackAt: number
  readonly takenOut: Map<string, number>
  /** Terms that are to be put back, and no pass has yet: who brings one back makes no entry of his own. */
  readonly missing: Set<string>
  /** Rules of others, as people last saved them. */
  others: readonly Rule[]
  /** Versions that people saved. */
  readonly byHand: Set<number>
  /** What no pass has seen yet, for the zone is out of reach. */
  readonly unseen: ((now: number) => void)[]
  /** Terms in force when it was last reached. */
  reached: readonly string[]
}

export function zoneTruth(zone: Zone): ZoneTruth {
  return {
    ...{ zone, enabled: true, contested: false, putBackAt: Number.NEGATIVE_INFINITY, takenOut: new Map() },
    missing: new Set(),
    ...{ others: [], byHand: new Set(), unseen: [], reached: [] },
  }
}

// Older copies, or with more versions since, are not remembered by the service.
const COPY_AGE = 20 * HOUR
const COPY_STEPS = 40
const ACCIDENT = 5

/** A person at Cloudflare does one thing to the rules of one zone; answers whether there was anything to do. */
export function doByHand(it: ZoneTruth, deed: Deed, oracle: MonthOracle, chance: Chance, now: number): boolean {
  const { edge, down } = it.zone
  if (it.contested) return false
  const before = edge.rules()
  const own = ownRule(before)
  const terms = termsIn(before) ?? []
  const save = (change: (rules: readonly Rule[]) => readonly Rule[], from?: number) => {
    edge.edit(change, from)
    it.byHand.add(edge.version())
    it.others = othersIn(edge.rules())
    return true
  }
  const seen = (effect: (now: number) => void) => {
    if (down) it.unseen.push(effect)
    else effect(now)
    return true
  }
  const letOut = (lost: readonly string[]) =>
    seen((at) => {
      for (const term of lost) oracle.lifted(term, at)
    })
  switch (deed) {
    case 'add': {
      const isThere = coveredByOne(terms)
      const some = [chance.attacker(), `91.10.0.${chance.below(200) + 1}`].filter((a) => !isThere(a))
      // Two at once, of which a version of today had one, may be an old copy with one more: either reading is right.
      const fresh = chance.some(some, 1)
      if (fresh.length === 0 || own === undefined) return false
      save(adding(...fresh))
      return seen((at) => {
        for (const address of fresh) {
          const isOurs = it.missing.has(address) && isWantedOn(oracle.of(address), it.zone.name, at)
          if (!isOurs) oracle.entered(address, it.zone.name, at)
        }
      })
    }
    case 'remove': {
      const lost = chance.some(terms, 1 + chance.below(2))
      if (lost.length === 0) return false
      save(removing(...lost))
      return letOut(lost)
    }
    case 'wipe':
    case 'delete': {
      const gone = deed === 'delete'
      if (terms.length < ACCIDENT) return false
      save(gone ? deleting : wiping)
      return seen((at) => {
        if (at - it.putBackAt < DAY || (gone && !it.enabled)) it.contested = true
        else {
          it.putBackAt = at
          for (const term of terms) {
            it.takenOut.set(term, at)
            it.missing.add(term)
          }
        }
      })
    }
    case 'switch': {
      if (own === undefined) return false
      const enabled = own.enabled === false
      save(setting({ enabled }))
      return seen(() => {
        it.enabled = enabled
      })
    }
    case 'clause':
      if (own === undefined) return false
      return save(setting({ expression: `(http.host eq "h${chance.below(1000)}") or ${own.expression}` }))
    case 'stale':
      return saveOldCopy()
    case 'foreign': {
      const place = it.others.length > 2 && chance.below(2) === 0 ? chance.below(it.others.length) : -1
      const ref = it.others[place]?.ref
      return save((rules) => (ref === undefined ? [...rules, foreignRule(chance)] : rules.filter((r) => r.ref !== ref)))
    }
    case 'meanwhile':
      it.zone.meanwhile = () => save((rules) => [...rules, foreignRule(chance)])
      return true
  }

  function saveOldCopy(): boolean {
    const from = edge.version() - 1 - chance.below(COPY_STEPS)
    const old = edge.at(from)
    const copied = old === null ? undefined : ownRule(old)
    if (own === undefined || copied === undefined || now - savedAt(copied) > COPY_AGE || it.unseen.length > 0)
      return false
    const lost = terms.filter((term) => !coveredByOne(termsIn(old ?? []) ?? [])(term))
    save((rules) => [...rules, foreignRule(chance)], from)
    return seen((at) => {
      it.enabled = copied.enabled !== false
      for (const term of lost) {
        if (at - (it.takenOut.get(term) ?? Number.NEGATIVE_INFINITY) < HOUR) {
          it.takenOut.delete(term)
          oracle.lifted(term, at)
        } else {
          it.takenOut.set(term, at)
          it.missing.add(term)
        }
      }
    })
  }
}

/** Rules that are not ours, without what Cloudflare stamps on them. */
export function othersIn(rules: readonly Rule[]): Rule[] {
  return rules
    .filter(({ description }) => description !== OURS)
    .map((rule) => {
      const { id: _id, version: _version, last_updated: _updated, ...rest } = rule as Record<string, unknown>
      return rest as Rule
    })
}

function savedAt(rule: Rule): number {
  return Date.parse(String((rule as Record<string, unknown>).last_updated))
}

function foreignRule(chance: Chance): Rule {
  return {
    description: `rule ${chance.below(1e9)}`,
    action: 'log',
    enabled: true,
    expression: 'ssl',
    odd: { n: [null] },
  }
}
