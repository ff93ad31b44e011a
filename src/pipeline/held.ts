import { type Standing, standingOf } from '../core/standing.ts'
import type { Clock, Records } from '../ports.ts'
import { readAddresses } from './ledger.ts'

/** What has to be held before an alert may be acknowledged: `edges` are names, `since` when it was decided, ISO 8601. */
export interface Needs {
  readonly wanted: readonly string[]
  readonly edges: readonly string[]
  readonly since: string
}

/** Where they stand by now, all from one reading of the ledger; null needs nothing, and is held. */
export async function standingsNow(
  deps: { readonly records: Records; readonly clock: Clock },
  all: readonly (Needs | null)[],
): Promise<Standing[]> {
  const { bans, offences } = await readAddresses(deps.records, [...new Set(all.flatMap((n) => n?.wanted ?? []))])
  const now = deps.clock.now()
  return all.map((needs) => (needs === null ? { kind: 'held' } : standingOf({ ...needs, bans, offences, now })))
}

/** The word for why it is not held. */
export function whyNotHeld(standing: Exclude<Standing, { kind: 'held' }>): string {
  return standing.kind === 'waiting' ? standing.why : 'lifted'
}
