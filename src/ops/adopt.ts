import type { Ban, Reason } from '../core/ban.ts'
import { formatDuration } from '../core/duration.ts'
import { type ByHandDeps, endFrom, inRounds, readDuration, settled } from './by-hand.ts'
import { historyOf } from './history.ts'
import { OpsRefusal } from './ops-refusal.ts'

/** `{duration}`: every entry that people put into the rule and that stands for ever gets an end. */
export async function adopt(
  deps: ByHandDeps,
  body: unknown,
  by: string,
): Promise<{ addresses: readonly string[]; until: string; error: string | null }> {
  const { duration } = Object(body) as { duration?: unknown }
  const durationMs = readDuration('duration', duration)
  if (durationMs === undefined || durationMs === null)
    throw new OpsRefusal(400, 'duration must say when they end, as in 30d; they stand for ever already.')
  const at = deps.now()
  const until = endFrom(at, durationMs) ?? ''
  const detail = `end in ${formatDuration(durationMs)}`
  let addresses: string[] = []
  await inRounds(deps.records, async () => {
    const bans = (await deps.records.all<Ban>('bans')).filter(({ doc }) => doc.reasons.some(standsForEver))
    addresses = bans.map(({ id }) => id)
    if (bans.length === 0) return null
    return {
      expect: bans.map(({ id, rev }) => ({ collection: 'bans', id, rev })),
      put: [
        ...bans.map(({ id, doc }) => ({ collection: 'bans' as const, id, doc: withEnds(doc, durationMs, until) })),
        historyOf({ kind: 'adopted', addresses, by, detail }, at, deps.historyForMs),
      ],
    }
  })
  if (addresses.length > 0) deps.events.ordered({ kind: 'adopted', addresses, by, reason: detail })
  return { addresses, until, error: addresses.length === 0 ? null : await settled(deps) }
}

function standsForEver({ origin, durationMs, until }: Reason): boolean {
  return origin === 'edge' && durationMs === null && until === null
}

/** It stands at the edge already: its clock starts now. */
function withEnds(ban: Ban, durationMs: number, until: string): Ban {
  return { ...ban, reasons: ban.reasons.map((r) => (standsForEver(r) ? { ...r, durationMs, until } : r)) }
}
