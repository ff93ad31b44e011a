import type { Ban } from '../core/ban.ts'
import type { Offence } from '../core/decide.ts'
import type { HistoryEntry } from '../core/history.ts'
import type { AlertRecord } from '../core/outcome.ts'
import type { Change, Clock, Records } from '../ports.ts'

// Longer than any alert is looked at again: it deduplicates deliveries and catch-up.
const OUTCOME_MEMORY_MS = 30 * 24 * 3600_000

/** The put of one alert's record. */
export function putRecord(id: string, doc: AlertRecord, now: Date): NonNullable<Change['put']>[number] {
  return { collection: 'outcomes', id, doc, expires: new Date(now.getTime() + OUTCOME_MEMORY_MS) }
}

/** The bans and past offences of these addresses. */
export async function readAddresses(
  records: Records,
  addresses: readonly string[],
): Promise<{ bans: Map<string, Ban>; offences: Map<string, Offence> }> {
  const [bans, offences] = await Promise.all([
    records.get<Ban>('bans', addresses),
    records.get<Offence>('offences', addresses),
  ])
  return { bans: docs(bans), offences: docs(offences) }
}

function docs<T>(stored: ReadonlyMap<string, { readonly doc: T }>): Map<string, T> {
  return new Map([...stored].map(([id, { doc }]) => [id, doc]))
}

/** The puts of entries of the history, all of this moment. */
export function historyPuts(
  deps: { readonly clock: Clock; readonly newId: () => string; readonly historyForMs: number },
  entries: readonly Omit<HistoryEntry, 'at'>[],
): NonNullable<Change['put']> {
  const now = deps.clock.now()
  const expires = new Date(now.getTime() + deps.historyForMs)
  return entries.map((entry) => ({
    collection: 'history',
    id: `${now.toISOString()}.${deps.newId().slice(-15)}`,
    doc: { at: now.toISOString(), ...entry },
    expires,
  }))
}
