import { randomBytes } from 'node:crypto'
import type { Rule, Ruleset } from '../ports.ts'
import { PHASE, Refused, type RuleLimits, replaceRules, stamp } from './cloudflare-rules.ts'

/** One zone of the simulated Cloudflare, with the handles that tests need. */
export interface SimulatedZone {
  readonly id: string
  readonly name: string
  /** Rules allowed; may be changed at any time. */
  ruleQuota: number
  /** Whether the zone has left the account, or the token may no longer see it: Cloudflare says the same of both. */
  gone: boolean
  /** null while there is no entry point. */
  rulesetId(): string | null
  /** 0 while there is no entry point. */
  version(): number
  rules(): Rule[]
  /** Every kept version, oldest first. */
  history(): Ruleset[]
  /** When PUTs of the rules were applied, in milliseconds since the epoch. */
  readonly putTimes: number[]
  /** How many PUTs arrived while another one of this zone was under way. */
  overlappingPuts: number
  putsUnderWay: number
  /** Replaces the rules as another client would: a new version. */
  replace(sent: unknown, options?: { dryRun?: boolean; description?: unknown }): void
  /** Forgets the versions before this one. */
  forgetVersions(before: number): void
  /** Deletes one kept version, or the whole entry point with all its versions. */
  remove(version?: number): void
  /** The answer's `result` for a version. */
  render(version: number, options: { rules: boolean }): Record<string, unknown> | null
}

interface Version extends Ruleset {
  readonly description: unknown
  readonly at: Date
}

export interface ZoneOptions {
  /** 32 hexadecimal digits; absent: chance. */
  readonly id?: string
  readonly name?: string
  /** Absent: 5, as on the free plan. */
  readonly ruleQuota?: number
  /** Rules that are there from the start; absent: no entry point yet. */
  readonly rules?: readonly Record<string, unknown>[]
}

export function createZone(options: ZoneOptions, limits: () => Omit<RuleLimits, 'quota'>): SimulatedZone {
  let id = randomBytes(16).toString('hex')
  let versions: Version[] = []
  const newest = (): Version | undefined => versions.at(-1)
  const zone: SimulatedZone = {
    id: options.id ?? randomBytes(16).toString('hex'),
    name: options.name ?? 'example.com',
    ruleQuota: options.ruleQuota ?? 5,
    gone: false,
    putTimes: [],
    overlappingPuts: 0,
    putsUnderWay: 0,
    rulesetId: () => (newest() ? id : null),
    version: () => newest()?.version ?? 0,
    rules: () => structuredClone([...(newest()?.rules ?? [])]),
    history: () => versions.map((each) => structuredClone({ id, version: each.version, rules: each.rules })),
    replace(sent, { dryRun = false, description } = {}) {
      const at = new Date()
      const before = newest()
      const rules = replaceRules(before?.rules ?? [], sent, { ...limits(), quota: zone.ruleQuota }, at)
      if (dryRun) return
      const version = (before?.version ?? 0) + 1
      versions.push({ id, version, rules, at, description: description ?? before?.description ?? '' })
    },
    forgetVersions(before) {
      versions = versions.filter((each) => each.version >= before || each === newest())
    },
    remove(version) {
      if (version === undefined) {
        versions = []
        id = randomBytes(16).toString('hex')
        return
      }
      if (version === newest()?.version) throw new Refused(400, 20122, 'cannot delete the latest version of a ruleset')
      versions = versions.filter((each) => each.version !== version)
    },
    render(version, { rules }) {
      const found = versions.find((each) => each.version === version)
      if (!found) return null
      return {
        id,
        name: 'default',
        description: found.description,
        kind: 'zone',
        version: String(found.version),
        phase: PHASE,
        source: 'firewall_custom',
        last_updated: stamp(found.at),
        // Cloudflare leaves the field out when there are none.
        ...(rules && found.rules.length > 0 ? { rules: structuredClone(found.rules) } : {}),
      }
    },
  }
  if (options.rules) zone.replace(options.rules)
  return zone
}
