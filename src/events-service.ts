import { messageOf } from './errors.ts'
import { withError } from './events-alert.ts'
import { because, brief, event, labels } from './events-fields.ts'
import type { Log, LogFields } from './log.ts'
import type { Metrics } from './metrics.ts'

/** What happens to the service itself and to the parts that it depends on. */
export interface ServiceEvents {
  /** A part that refuses to work with us (`cloudflare`, `elastic`, `host:<name>`, …); the same reason again is written once. */
  degraded(seen: { readonly part: string; readonly reason: string }): void
  recovered(seen: { readonly part: string }): void
  /** `never`: files that no alert can reach. */
  playbooksLoaded(seen: {
    readonly files: number | readonly string[]
    readonly order: readonly string[]
    readonly never: readonly string[]
  }): void
  /** `kept`: its last good version stays in force; else it has none. */
  playbookBroken(seen: { readonly file: string; readonly error: unknown; readonly kept: boolean }): void
  configWarning(seen: { readonly message: string }): void
  /** Whatever the start wants to say about itself: flat names, plain values. */
  started(seen: Readonly<Record<string, string | number | boolean | null>>): void
  stopping(): void
  stopped(): void
  storeWarning(seen: { readonly message: string }): void
  /** Something that has no event of its own failed; `what` completes "… failed". */
  failed(seen: { readonly what: string; readonly error: unknown }): void
}

export function createServiceEvents({ log, metrics }: { readonly log: Log; readonly metrics: Metrics }): ServiceEvents {
  const degraded = new Map<string, string>()
  const count = (part: string) => {
    const parts = [...degraded.keys()].filter((other) => labelOf(other) === labelOf(part))
    metrics.degraded(labelOf(part), parts.length)
  }
  const warn = (action: string, message: string, fields: LogFields = {}) =>
    log.warn(brief(message), event(action, 'failure', fields))

  return {
    degraded({ part, reason }) {
      const known = degraded.get(part) === reason
      degraded.set(part, reason)
      count(part)
      log[known ? 'debug' : 'error'](
        part === 'paused' ? brief(reason) : `${brief(part)} does not work with us: ${brief(reason)}`,
        event('degraded', 'failure', because(reason), labels({ part })),
      )
    },
    recovered({ part }) {
      if (!degraded.delete(part)) return
      count(part)
      log.info(
        part === 'paused' ? 'the pause is over' : `${brief(part)} works again`,
        event('recovered', 'success', labels({ part })),
      )
    },
    playbooksLoaded({ order, never }) {
      log.info(
        `playbooks, in the order in which they are asked: ${order.join(', ')}`,
        event('playbooks-loaded', 'success', labels({ playbooks: order.length })),
      )
      if (never.length > 0)
        warn(
          'playbook-never-matches',
          `never asked, because one before answers everything they would: ${never.join(', ')}`,
        )
    },
    playbookBroken({ file, error, kept }) {
      const now = kept ? 'is broken; its last good version stays in force' : 'is broken, and is not in force'
      const message = `${file} ${now}: ${messageOf(error)}`
      log.error(message.slice(0, 2000), event('playbook-broken', 'failure', { 'file.name': file }, withError(error)))
    },
    configWarning: ({ message }) => warn('config-warning', message),
    started(seen) {
      log.info('Portcullis started', event('started', 'success', labels(seen)))
    },
    stopping() {
      log.info(
        'Portcullis is stopping: no more webhooks are taken, running work is finished',
        event('stopping', 'success'),
      )
    },
    stopped() {
      log.info('Portcullis stopped', event('stopped', 'success'))
    },
    storeWarning: ({ message }) => warn('store-warning', message),
    failed({ what, error }) {
      log.error(`${brief(what)} failed: ${brief(messageOf(error))}`, event('failed', 'failure', withError(error)))
    },
  }
}

/** Host names come from templates and so, in the end, from alerts: all hosts share one label. */
function labelOf(part: string): string {
  return /^(host|edge):/.exec(part)?.[1] ?? part
}
