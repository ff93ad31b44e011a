import { type Addressed, addressFields, because, brief, event, labels, listed } from './events-fields.ts'
import type { Log } from './log.ts'

/** What people order beside lifting bans, which is `unban`. */
export interface OperatorEvents {
  /** `kind`: `banned`, `allowed`, `disallowed`, `adopted`, `imported`, `replayed`, `resumed`: the word of the history. */
  ordered(seen: {
    readonly kind: string
    readonly addresses: readonly Addressed[]
    readonly by: string
    readonly reason: string
  }): void
  /** `until`: ISO 8601; null: until somebody resumes. */
  paused(seen: { readonly by: string; readonly until: string | null }): void
}

export function createOperatorEvents({ log }: { readonly log: Log }): OperatorEvents {
  return {
    ordered({ kind, addresses, by, reason }) {
      const what = addresses.length === 0 ? '' : ` ${listed(addresses)}`
      log.info(
        `${brief(by) || 'somebody'} ${kind}${what}${reason === '' ? '' : `: ${brief(reason)}`}`,
        event(
          `order-${kind}`,
          'success',
          because(reason),
          { 'user.name': brief(by) },
          addressFields(addresses),
          labels({ count: addresses.length }),
        ),
      )
    },
    paused({ by, until }) {
      const end = until === null ? 'until somebody resumes' : `until ${until}`
      log.warn(
        `${brief(by) || 'somebody'} paused new bans ${end}`,
        event('order-paused', 'success', { 'user.name': brief(by) }, labels({ until })),
      )
    },
  }
}
