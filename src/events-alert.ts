import type { Alert } from './core/alert.ts'
import { messageOf } from './errors.ts'
import {
  type Addressed,
  addressFields,
  alertFields,
  because,
  brief,
  counted,
  event,
  labels,
  listed,
} from './events-fields.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'

/** From the webhook to the outcome of an alert. */
export interface AlertEvents {
  webhook(seen: {
    readonly result: string
    readonly accepted: number
    readonly duplicates: number
    readonly unmatched: number
    readonly invalid: number
    readonly detail: string
  }): void
  /** A delivery that counts more alerts than it carries: catch-up has to find the others. */
  incomplete(seen: { readonly rule: string; readonly total: number; readonly arrived: number }): void
  accepted(seen: { readonly alert: Alert; readonly playbook?: string }): void
  decided(seen: {
    readonly alert: Alert
    readonly bans: readonly Addressed[]
    readonly refused: readonly { readonly refusal: string }[]
    readonly observed: boolean
  }): void
  refused(seen: {
    readonly alert: Alert
    readonly suspect: string
    readonly refusal: string
    readonly detail: string
  }): void
  /** `seconds`: since it was accepted. */
  concluded(seen: {
    readonly alert: Alert
    readonly outcome: string
    readonly seconds: number | null
    readonly suspects: readonly string[]
  }): void
  parked(seen: { readonly alert: Alert; readonly reason: string }): void
  retried(seen: { readonly alert: Alert; readonly error: unknown; readonly attempt: number }): void
  /** A step that has failed for good, where its playbook goes on without it. */
  passedOver(seen: { readonly alert: Alert; readonly step: string; readonly error: unknown }): void
  gaveUp(seen: { readonly alert: Alert; readonly error: unknown }): void
  statusSet(seen: { readonly alerts: number; readonly status: string | null; readonly tag: string }): void
  alertClosedElsewhere(seen: { readonly alert: string | Pick<Alert, 'id'> }): void
}

// Anybody on the network can cause these as often as they like; the counter is enough.
const CHEAP = ['rate-limited', 'not-found']
const OURS = ['failed', 'store-down']

export function createAlertEvents({ log, metrics }: { readonly log: Log; readonly metrics: Metrics }): AlertEvents {
  return {
    webhook({ result, accepted, duplicates, unmatched, invalid, detail }) {
      metrics.webhook(result)
      const good = result === 'accepted' || result === 'empty'
      const level = good ? 'info' : CHEAP.includes(result) ? 'debug' : OURS.includes(result) ? 'error' : 'warn'
      const counts = { accepted, duplicates, unmatched, invalid }
      const said = good
        ? `${accepted} accepted, ${duplicates} repeated, ${unmatched} unmatched, ${invalid} invalid`
        : brief(detail)
      const fields = event('webhook', good ? 'success' : 'failure', because(detail), labels({ result, ...counts }))
      log[level](`webhook ${result}: ${said}`, fields)
    },
    incomplete({ rule, total, arrived }) {
      metrics.missing(total - arrived)
      log.warn(
        `a delivery of rule ${brief(rule)} carried ${arrived} of ${total} alerts; catch-up has to find the others`,
        event('webhook-incomplete', 'failure', { 'rule.name': brief(rule) }, labels({ total, arrived })),
      )
    },
    accepted({ alert, playbook }) {
      log.info(
        `alert ${alert.id} accepted: ${brief(alert.rule.name)} names ${listed(alert.suspects)}`,
        event(
          'alert-accepted',
          'success',
          alertFields(alert),
          labels({ playbook: playbook ?? '', space: alert.space }),
        ),
      )
    },
    decided({ alert, bans, refused, observed }) {
      const verb = observed ? 'would ban' : 'bans'
      log.info(
        `alert ${alert.id} ${verb} ${listed(bans)}${refused.length > 0 ? `, ${counted(refused.length, 'suspect')} refused` : ''}`,
        event(
          observed ? 'alert-observed' : 'alert-decided',
          'success',
          alertFields(alert),
          bans.length > 0 ? addressFields(bans) : {},
          labels({
            bans: bans.length,
            refused: refused.length,
            observed,
            refusals: unique(refused.map((r) => r.refusal)),
          }),
        ),
      )
    },
    refused({ alert, suspect, refusal, detail }) {
      metrics.refusal(refusal)
      log.info(
        `${brief(suspect) || 'no address'} is not banned: ${refusal}${detail === '' ? '' : ` (${brief(detail)})`}`,
        event('ban-refused', 'success', alertFields(alert), because(refusal), labels({ suspect, detail })),
      )
    },
    concluded({ alert, outcome, seconds, suspects }) {
      metrics.alert(outcome, seconds)
      const good = !['gave-up', 'unknown-alert', 'lapsed', 'displaced', 'quota-spent'].includes(outcome)
      log[good ? 'info' : 'warn'](
        `alert ${alert.id} concluded: ${outcome}${suspects.length > 0 ? ` (${listed(suspects)})` : ''}`,
        event(
          'alert-concluded',
          good ? 'success' : 'failure',
          alertFields(alert),
          because(outcome),
          seconds === null ? {} : { 'event.duration': Math.round(seconds * 1e9) },
        ),
      )
    },
    parked({ alert, reason }) {
      log.info(
        `alert ${alert.id} waits: ${brief(reason)}`,
        event('alert-parked', 'unknown', alertFields(alert), because(reason)),
      )
    },
    retried({ alert, error, attempt }) {
      log.warn(
        `alert ${alert.id} failed for the ${ordinal(attempt)} time and will be tried again: ${brief(messageOf(error))}`,
        event('alert-retried', 'failure', alertFields(alert), labels({ attempt }), withError(error)),
      )
    },
    passedOver({ alert, step, error }) {
      log.warn(
        `alert ${alert.id} goes on without the step ${brief(step)}, which has failed: ${brief(messageOf(error))}`,
        event('step-passed-over', 'failure', alertFields(alert), labels({ step }), withError(error)),
      )
    },
    gaveUp({ alert, error }) {
      log.error(
        `alert ${alert.id} is given up and lies in the failed set: ${brief(messageOf(error))}`,
        event('alert-gave-up', 'failure', alertFields(alert), withError(error)),
      )
    },
    statusSet({ alerts, status, tag }) {
      log.info(
        `${counted(alerts, 'alert')} in Elastic: ${status ?? 'status left as it is'}, tagged portcullis:${tag}`,
        event('alert-status-set', 'success', labels({ alerts, status, tag })),
      )
    },
    alertClosedElsewhere({ alert }) {
      const id = typeof alert === 'string' ? alert : alert.id
      log.info(
        `alert ${id} was closed by somebody and is left so`,
        event('alert-closed-elsewhere', 'success', { 'event.id': id }),
      )
    },
  }
}

export function withError(error: unknown): Readonly<Record<string, unknown>> {
  return error instanceof Error ? { err: error } : because(String(error))
}

function unique(words: readonly string[]): string {
  return [...new Set(words)].join(' ')
}

function ordinal(count: number): string {
  const teen = count % 100 >= 11 && count % 100 <= 13
  return `${count}${teen ? 'th' : (['th', 'st', 'nd', 'rd'][count % 10] ?? 'th')}`
}
