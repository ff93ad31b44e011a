import { type AlertEvents, createAlertEvents } from './events-alert.ts'
import { createEdgeEvents, type EdgeEvents } from './events-edge.ts'
import { createOperatorEvents, type OperatorEvents } from './events-operator.ts'
import { createServiceEvents, type ServiceEvents } from './events-service.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'

/** One function per thing that happens: a log line with the detail and a counter with few labels. None of them ever throws. */
export interface Events extends AlertEvents, EdgeEvents, OperatorEvents, ServiceEvents {}

export function createEvents(deps: {
  readonly log: Log
  readonly metrics: Metrics
  readonly now?: () => Date
}): Events {
  const { log, metrics, now = () => new Date() } = deps
  return unfailing(
    {
      ...createAlertEvents(deps),
      ...createEdgeEvents({ log, metrics, now }),
      ...createOperatorEvents(deps),
      ...createServiceEvents(deps),
    },
    log,
  )
}

/** The work goes on even when it cannot be reported. */
function unfailing(events: Events, log: Log): Events {
  const safe = Object.entries(events).map(([name, report]) => [
    name,
    (...given: unknown[]) => {
      try {
        ;(report as (...given: unknown[]) => void)(...given)
      } catch (error) {
        complain(name, error, log)
      }
    },
  ])
  return Object.fromEntries(safe) as Events
}

function complain(name: string, error: unknown, log: Log): void {
  try {
    log.error(`the event ${name} could not be reported: ${String(error)}`, { 'event.action': 'report-failed' })
  } catch {
    // There is nobody left to tell.
  }
}
