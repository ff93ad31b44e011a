import type { JobData, Queue, Records } from '../ports.ts'
import { addressesOf } from './intents.ts'

/** What a parked job waits for: bans by address, or a part that refused. Its record's id is the alert's; it goes when the alert is concluded. */
export interface Parked {
  readonly addresses: readonly string[]
  readonly reason: string
  /** Of one that waits for no ban, and may not be decided yet: for who asks about these addresses. */
  readonly about?: {
    readonly addresses: readonly string[]
    readonly rule: string
    readonly playbook: string
    /** ISO 8601. */
    readonly acceptedAt: string
  }
}

/** Finds the jobs that wait for something. A lost wake costs a minute: every park ends by itself. */
export interface Parking {
  /** `wanted`: the bans that it waits for; null: for none. */
  put(data: JobData, reason: string, wanted: readonly string[] | null): Promise<void>
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
    async put({ alert, playbook, acceptedAt }, reason, wanted) {
      const about = { addresses: addressesOf(alert), rule: alert.rule.name, playbook: playbook.name, acceptedAt }
      const doc: Parked = wanted === null ? { addresses: [], reason, about } : { addresses: wanted, reason }
      await records.commit({ put: [{ collection: 'parked', id: alert.id, doc }] })
    },
    async wakeFor(addresses) {
      const changed = new Set(addresses)
      await wake((parked) => parked.addresses.some((address) => changed.has(address)))
    },
    wakeReason: (reason) => wake((parked) => parked.reason === reason),
  }
}
