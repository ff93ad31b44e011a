import type { World } from './world.ts'

/** One alert of the demo, and what must become of it. */
export interface Part {
  /** What the story calls it. */
  readonly label: string
  /** The alert's id in Elastic. */
  readonly id: string
  /** `source.ip`; null: the alert has none. */
  readonly source: string | null
  /** What must stand in the rule at the end; null: nothing. */
  readonly term: string | null
  /** The outcome, which is the tag, too. */
  readonly outcome: string
}

export interface Cast {
  readonly scan: readonly [Part, Part]
  readonly inclusion: Part
  readonly injection: Part
  /** Must not be blocked. */
  readonly friends: readonly Part[]
  readonly all: readonly Part[]
}

/** Our own networks: the office, and the address from which Portcullis calls Cloudflare. */
export const ALLOWLIST = '192.0.2.0/28,self'
/** What a colleague adds to our rule by hand. */
export const BY_HAND = '198.51.100.66'
/** The foreign rule that the colleague switches on at the same time. */
export const CHANGED_BY_HAND = 'logins, slowly'

const FUZZING = ['Web Server Discovery or Fuzzing Activity', '8383a8d0-008b-47a5-94e5-496629dc3590'] as const
const AGENT = ['Web Server Suspicious User Agent Requests', 'a1b7ffa4-bf80-4bf1-86ad-c3f4dc718b35'] as const
const INCLUSION = ['Web Server Local File Inclusion Activity', '90e4ceab-79a5-4f8e-879b-513cac7fcad9'] as const
const INJECTION = ['Web Server Potential Command Injection Request', 'f3ac6734-7e52-4a0d-90b7-6847bf4308f2'] as const

/** Puts the open alerts of the story into the simulated Elastic. */
export function createCast({ alerts }: World): Cast {
  const part = (
    label: string,
    [ruleName, ruleId]: readonly [string, string],
    source: string | null,
    outcome: string,
    term: string | null = null,
  ): Part => ({ label, id: alerts.add({ ruleName, ruleId, sourceIp: source }), source, term, outcome })
  const scan = [
    part('fuzzing', FUZZING, '203.0.113.7', 'blocked', '203.0.113.7'),
    part('odd client', AGENT, '203.0.113.7', 'blocked', '203.0.113.7'),
  ] as const
  const inclusion = part('inclusion', INCLUSION, '198.51.100.200', 'blocked', '198.51.100.200')
  // An IPv6 client has a whole /64 to choose its address from.
  const injection = part('injection', INJECTION, '2001:db8:bad::5', 'blocked', '2001:db8:bad::/64')
  const friends = [
    part('office', FUZZING, '192.0.2.10', 'allowlisted'),
    part('inner server', FUZZING, '10.0.0.12', 'private'),
    part('edge', FUZZING, '162.158.12.34', 'cloudflare'),
    part('nobody', FUZZING, null, 'no-address'),
  ]
  return { scan, inclusion, injection, friends, all: [...scan, ...friends, inclusion, injection] }
}

/** One more attacker for whoever plays on; each call makes another. */
export function addAttacker({ alerts }: World, number: number): string {
  const [ruleName, ruleId] = FUZZING
  return alerts.add({ ruleName, ruleId, sourceIp: `203.0.113.${100 + (number % 150)}` })
}
