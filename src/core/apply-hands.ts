import { type Ban, isWantedOn, newBan, withReason } from './ban.ts'
import type { Released } from './guards.ts'
import type { JudgedHand } from './judge-hand.ts'
import { isListEdge } from './list-edge.ts'

export interface HandEffects {
  /** Bans to write, as they are now. */
  readonly put: ReadonlyMap<string, Ban>
  readonly remove: ReadonlySet<string>
  readonly released: readonly Released[]
}

/** Makes the ledger say what people said at the edge: their entries become bans of theirs, what they let out is let out everywhere. */
export function applyHands(
  bans: ReadonlyMap<string, Ban>,
  hands: readonly (Pick<JudgedHand, 'adopted' | 'restored' | 'released'> & Partial<Pick<JudgedHand, 'withdrawn'>>)[],
  options: {
    edge: string
    adoptForMs: number | null
    releaseForMs: number
    now: Date
    /** Where people's entries are wanted; absent: where they were found. */
    wantedOn?: readonly string[] | null
  },
): HandEffects {
  const { edge, now } = options
  const at = now.toISOString()
  const put = new Map<string, Ban>()
  const remove = new Set<string>()
  const released: Released[] = []
  const standing = (address: string) => put.get(address) ?? (remove.has(address) ? undefined : bans.get(address))
  const isOurs = (ban: Ban | undefined) => ban !== undefined && isWantedOn(ban, edge, now)
  for (const hand of hands) {
    for (const address of hand.released) {
      put.delete(address)
      if (bans.has(address)) remove.add(address)
      released.push({ address, at, until: new Date(now.getTime() + options.releaseForMs).toISOString() })
    }
    for (const address of hand.withdrawn ?? []) {
      const ban = standing(address)
      const reasons = ban?.reasons.filter((r) => r.origin !== 'edge' || r.id !== edge) ?? []
      if (ban === undefined || reasons.length === ban.reasons.length) continue
      put.delete(address)
      if (reasons.length > 0) put.set(address, { ...ban, reasons })
      else remove.add(address)
    }
    for (const address of [...hand.adopted, ...hand.restored.filter((a) => !isOurs(standing(a)))]) {
      const ban = standing(address) ?? newBan(address, now)
      remove.delete(address)
      const note = isListEdge(edge) ? `found in ${edge}` : `found in the rule of ${edge}`
      put.set(
        address,
        withReason(ban, {
          origin: 'edge',
          id: edge,
          note,
          at,
          durationMs: options.adoptForMs,
          until: null,
          edges: options.wantedOn === undefined ? [edge] : options.wantedOn,
        }),
      )
    }
  }
  return { put, remove, released }
}
