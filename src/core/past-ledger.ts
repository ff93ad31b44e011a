import { type Ban, withHolding } from './ban.ts'
import type { Offence } from './decide.ts'
import { offenceOf } from './offence.ts'
import { createPastRoom, type PastEdge, type Room } from './past-room.ts'
import { type StandingFacts, sweep } from './sweep.ts'

/** A ledger in memory whose clock is moved by who replays the past: a ban is held at once where it has room. */
export interface PastLedger {
  readonly bans: Map<string, Ban>
  readonly offences: Map<string, Offence>
  /** Ends what ends until then, each at its time, and moves up what waited. */
  advance(to: Date): void
  /** Finds room for bans that were just decided. */
  settle(decided: readonly Ban[], now: Date): void
}

export interface PastLedgerFacts extends Omit<StandingFacts, 'now'> {
  readonly edges: readonly PastEdge[]
  /** How long offences are remembered, ms. */
  readonly offenceMemoryMs: number
  /** A ban was first held. */
  readonly onBegun: (ban: Ban, now: Date) => void
  /** After each change: how many bans are held anywhere, and what each edge has. */
  readonly onPass: (held: number, rooms: readonly Room[], now: Date) => void
}

const DAY_MS = 24 * 3600_000

export function createPastLedger(facts: PastLedgerFacts): PastLedger {
  const bans = new Map<string, Ban>()
  const offences = new Map<string, Offence>()
  /** When the next thing happens to a ban by itself, ms. */
  const due = new Map<string, number>()
  const rooms = facts.edges.map((edge) => createPastRoom(edge))
  let held = 0
  let forgotten = 0

  function pass(came: readonly Ban[], now: Date): void {
    const over = [...due].filter(([, at]) => at <= now.getTime()).flatMap(([address]) => bans.get(address) ?? [])
    const { gone } = sweep(over, { ...facts, now })
    for (const { ban, how } of gone) {
      bans.delete(ban.address)
      due.delete(ban.address)
      if (isHeld(ban)) held--
      const offence = offenceOf(ban, how, now)
      if (offence !== null) offences.set(ban.address, offence)
    }
    const went = gone.map(({ ban }) => ban)
    const changed = new Set(came.map(({ address }) => address))
    for (const room of rooms) {
      for (const [address, holds] of room.give({ came, went, bans, now })) {
        hold(address, room.edge, holds, now)
        changed.add(address)
      }
    }
    for (const address of changed) due.set(address, nextOf(bans.get(address) as Ban, facts.maxAlertAgeMs))
    facts.onPass(held, rooms, now)
  }

  function hold(address: string, edge: string, holds: boolean, now: Date): void {
    const before = bans.get(address) as Ban
    const next = withHolding(before, edge, holds, holds ? '' : 'edge-full', now)
    bans.set(address, next)
    if (isHeld(before) || !isHeld(next)) return
    held++
    facts.onBegun(next, now)
  }

  return {
    bans,
    offences,
    advance(to) {
      for (;;) {
        let next = Number.POSITIVE_INFINITY
        for (const at of due.values()) if (at < next) next = at
        if (next > to.getTime()) break
        pass([], new Date(next))
      }
      if (to.getTime() - forgotten < DAY_MS) return
      forgotten = to.getTime()
      const oldest = new Date(forgotten - facts.offenceMemoryMs).toISOString()
      for (const [address, { endedAt }] of offences) if (endedAt < oldest) offences.delete(address)
    },
    settle(decided, now) {
      if (decided.length > 0) pass(decided, now)
    },
  }
}

function isHeld(ban: Ban): boolean {
  return Object.values(ban.edges).some((holding) => holding.held)
}

/** When it ends, or lapses for want of room, ms. */
function nextOf(ban: Ban, maxAlertAgeMs: number): number {
  const waits = !isHeld(ban) && ban.heldUntil === undefined
  const times = ban.reasons.map((reason) => {
    if (reason.until !== null) return Date.parse(reason.until)
    return waits ? Date.parse(reason.at) + maxAlertAgeMs : Number.POSITIVE_INFINITY
  })
  return Math.min(...times)
}
