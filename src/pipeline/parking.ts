import type { Queue, Records } from '../ports.ts'

/** What a parked job waits for: bans by address, or a part that refused. Its record's id is the alert's. */
interface Parked {
  readonly addresses: readonly string[]
  readonly reason: string
}

/** Finds the jobs that wait for something. A lost wake costs a minute: every park ends by itself. */
export interface Parking {
  put(alertId: string, parked: Parked): Promise<void>
  /** Wakes those that wait for one of these addresses. */
  wakeFor(addresses: readonly string[]): Promise<void>
  /** Wakes those that wait for this reason. */
  wakeReason(reason: string): Promise<void>
}

export function createParking(deps: { readonly records: Records; readonly queue: Pick<Queue, 'wake'> }): Parking {
  const { records, queue } = deps
  async function wake(waitsFor: (parked: Parked) => boolean): Promise<void> {
    const parked = await records.all<Parked>('parked')
    const ids = parked.filter(({ doc }) => waitsFor(doc)).map(({ id }) => id)
    if (ids.length > 0) await queue.wake(ids)
  }
  return {
    async put(alertId, parked) {
      await records.commit({ put: [{ collection: 'parked', id: alertId, doc: parked }] })
    },
    async wakeFor(addresses) {
      const changed = new Set(addresses)
      await wake((parked) => parked.addresses.some((address) => changed.has(address)))
    },
    wakeReason: (reason) => wake((parked) => parked.reason === reason),
  }
}
