import { createPing } from './adapters/heartbeat.ts'
import { createNotifier } from './adapters/notify.ts'
import type { Config } from './config.ts'
import type { Events } from './events.ts'
import { createTeller } from './pipeline/tell.ts'
import { tellingEvents } from './pipeline/tell-events.ts'
import { beatingEvents, createHeartbeat } from './pipeline/tell-heartbeat.ts'
import type { Clock } from './ports.ts'

/** The same events, heard by NOTIFY_URL and HEARTBEAT_URL where they are set. Throws where NOTIFY_BODY cannot be used. */
export function createTold(
  config: Config,
  quiet: Events,
  clock: Clock,
): { readonly events: Events; close(): Promise<void> } {
  const teller =
    config.notify === null
      ? null
      : createTeller({
          notifier: createNotifier(config.notify),
          clock,
          onFailure: (error) => quiet.failed({ what: 'telling people', error }),
        })
  const heartbeat =
    config.heartbeatUrl === null
      ? null
      : createHeartbeat({
          ping: createPing(config.heartbeatUrl),
          clock,
          onFailure: (error) => quiet.failed({ what: 'the heartbeat', error }),
        })
  const told = teller === null ? quiet : tellingEvents(quiet, teller.tell)
  return {
    events: heartbeat === null ? told : beatingEvents(told, heartbeat),
    async close() {
      heartbeat?.stop()
      await teller?.close()
    },
  }
}
