import type { Change, Clock, Records } from '../ports.ts'

/** Somebody else holds the edge, or took it over: the pass is to be tried again. */
export class LeaseLostError extends Error {
  override name = 'LeaseLostError'
}

/** The right to write to one edge. Ledger writes made under it carry `fence` and fail once somebody else has taken over. */
export interface Lease {
  readonly fence: NonNullable<Change['expect']>[number]
  /** Renews the lease when less than 25 s are left, for a write that is to follow at once; LeaseLostError when it ran out or is no longer ours. */
  keep(): Promise<void>
  /** The last write under the lease, which gives it back in the same commit; true when it was written. */
  endWith(write: (free: NonNullable<Change['put']>[number]) => Promise<boolean>): Promise<boolean>
  /** Gives it back, unless that has been done. */
  release(): Promise<void>
}

interface LeaseRecord {
  readonly holder: string
  readonly until: string
}

// A holder that dies leaves the edge to others after this long.
const LEASE_MS = 30_000
// A write waits up to 9 s for the budget of calls, or is not sent, and times out 10 s later: so it starts with more than 15 s of the
// lease left, and ends within it.
const ENOUGH_MS = 25_000

/** Takes the edge's lease, waiting while another instance has it; every taking-over begins a new epoch. */
export async function takeLease(
  deps: { records: Records; clock: Clock; holder: string },
  edge: string,
): Promise<Lease> {
  for (;;) {
    const lease = await tryToTake(deps, edge)
    if (lease !== null) return lease
    await deps.clock.sleep(WAIT_MS)
  }
}

// How often a waiting instance looks again: passes take some tenths of a second.
const WAIT_MS = 50

async function tryToTake(
  deps: { records: Records; clock: Clock; holder: string },
  edge: string,
): Promise<Lease | null> {
  const { records, clock, holder } = deps
  const [leases, epochs] = await Promise.all([
    records.get<LeaseRecord>('leases', [edge]),
    records.get<{ holder: string }>('epochs', [edge]),
  ])
  const lease = leases.get(edge)
  const epoch = epochs.get(edge)
  const free = lease === undefined || lease.doc.until <= clock.now().toISOString()
  if (!free && lease.doc.holder !== holder) return null
  const mine = lease?.doc.holder === holder && epoch?.doc.holder === holder
  const wanted = newLease(holder, clock)
  const taken = await records.commit({
    expect: [
      { collection: 'leases', id: edge, rev: lease?.rev ?? 0 },
      { collection: 'epochs', id: edge, rev: epoch?.rev ?? 0 },
    ],
    put: [
      { collection: 'leases', id: edge, doc: wanted },
      ...(mine ? [] : [{ collection: 'epochs' as const, id: edge, doc: { holder } }]),
    ],
  })
  if (!taken) return null
  const begun = mine ? epoch : (await records.get<{ holder: string }>('epochs', [edge])).get(edge)
  // Who stood still since may read the epoch of somebody who has taken over, and would write under it.
  return begun?.doc.holder === holder ? held(deps, edge, begun.rev, wanted) : null
}

function held(
  { records, clock, holder }: { records: Records; clock: Clock; holder: string },
  edge: string,
  rev: number,
  taken: LeaseRecord,
): Lease {
  const fence = { collection: 'epochs' as const, id: edge, rev }
  const free = { collection: 'leases' as const, id: edge, doc: { holder, until: new Date(0).toISOString() } }
  let until = Date.parse(taken.until)
  let ended = false
  return {
    fence,
    async keep() {
      const left = until - clock.now().getTime()
      if (left > ENOUGH_MS) return
      // What was read so long ago is no ground to write on, even if nobody has taken over.
      if (left <= 0) throw new LeaseLostError(`the pass over the edge ${edge} stood still for too long`)
      const renewed = newLease(holder, clock)
      if (!(await records.commit({ expect: [fence], put: [{ collection: 'leases', id: edge, doc: renewed }] }))) {
        throw new LeaseLostError(`another instance took over the edge ${edge}`)
      }
      until = Date.parse(renewed.until)
      if (until - clock.now().getTime() > ENOUGH_MS) return
      throw new LeaseLostError(`the store took too long to renew the lease of the edge ${edge} for a write`)
    },
    async endWith(write) {
      if (!(await write(free))) return false
      ended = true
      return true
    },
    async release() {
      if (!ended) await records.commit({ expect: [fence], put: [free] })
    },
  }
}

function newLease(holder: string, clock: Clock): LeaseRecord {
  return { holder, until: new Date(clock.now().getTime() + LEASE_MS).toISOString() }
}

/** Takes every lease from its holder, for who knows that none of them is alive. */
export async function freeLeases(records: Records): Promise<void> {
  const leases = await records.all<LeaseRecord>('leases')
  await records.commit({ remove: leases.map(({ id }) => ({ collection: 'leases' as const, id })) })
}
