import type { AddressInfo } from 'node:net'
import type { Alert } from '../../src/core/alert.ts'
import { listen } from '../../src/receiver/listen.ts'
import { createReceiver, type ReceiverDeps } from '../../src/receiver/receiver.ts'
import type { Incomplete, WebhookResult } from '../../src/receiver/receiver-events.ts'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: { message: string; accepted?: number; invalid?: { index: number; errors: string[] }[] } & Record<
    string,
    unknown
  >
}

/** A receiver on a free port that accepts everything and remembers it. */
export async function startReceiver(overrides: Partial<ReceiverDeps> = {}) {
  const accepted: Alert[] = []
  const results: WebhookResult[] = []
  const incomplete: Incomplete[] = []
  const app = createReceiver({
    secrets: [{ name: '', value: 'secret' }],
    bodyLimit: 64 * 1024 * 1024,
    trustProxy: null,
    spaces: ['default'],
    async accept(alerts) {
      accepted.push(...alerts)
      return { accepted: alerts.length, duplicates: 0, unmatched: 0 }
    },
    storeReady: () => true,
    queueRoom: () => true,
    events: { webhook: (result) => void results.push(result), incomplete: (details) => void incomplete.push(details) },
    ...overrides,
  })
  const server = await listen(app, { host: '127.0.0.1', port: 0 })
  const { port } = server.address() as AddressInfo

  async function send(
    body: string | Uint8Array<ArrayBuffer> | null,
    headers: Record<string, string> = {},
    target: Target = {},
  ): Promise<Answer> {
    const response = await fetch(`http://127.0.0.1:${port}${target.path ?? '/webhooks/elastic'}`, {
      method: target.method ?? 'POST',
      body,
      headers: { authorization: 'Bearer secret', 'content-type': 'application/json', ...headers },
    })
    return { status: response.status, headers: response.headers, body: (await response.json()) as Answer['body'] }
  }

  async function stop(): Promise<void> {
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    await closed
  }

  return { send, stop, port, accepted, results, incomplete }
}

interface Target {
  readonly path?: string
  readonly method?: string
}
