import express, { type Express, type NextFunction, type Request, type Response } from 'express'
import helmet from 'helmet'
import type { Secret } from '../config.ts'
import type { Alert } from '../core/alert.ts'
import { messageOf, StoreError } from '../errors.ts'
import { authenticate } from './authenticate.ts'
import { decodeBody, refuseContentType } from './body.ts'
import { type Intake, readWebhook } from './intake.ts'
import type { ReceiverEvents, WebhookResult } from './receiver-events.ts'
import { Refusal, refusalOf } from './refusal.ts'

export interface ReceiverDeps {
  readonly secrets: readonly Secret[]
  /** Bytes, before and after decompression. */
  readonly bodyLimit: number
  readonly trustProxy: readonly string[] | null
  /** The allowed spaces; the first one is taken where nobody says. */
  readonly spaces: readonly string[]
  /** Durable when it resolves; throws a StoreError when it cannot be. */
  accept(alerts: readonly Alert[]): Promise<{ accepted: number; duplicates: number; unmatched: number }>
  /** May throw a StoreError, too, which then is the reason that is logged. */
  storeReady(): Promise<boolean> | boolean
  queueRoom(): Promise<boolean> | boolean
  readonly events: ReceiverEvents
}

/** The webhook port: `POST /webhooks/elastic` and `GET /healthz`. Every answer is a JSON object with a `message`. */
export function createReceiver(deps: ReceiverDeps): Express {
  const app = express()
  app.disable('etag')
  app.set('trust proxy', deps.trustProxy === null ? false : [...deps.trustProxy])
  app.use(helmet())

  app
    .route('/healthz')
    .get((_req, res) => void res.json({ message: 'Portcullis is listening' }))
    .all(onlyMethod('GET'))
  app
    .route('/webhooks/elastic')
    .post(
      authenticate(deps.secrets),
      refuseContentType,
      refuseWhenFull(deps),
      refuseLongBody(deps.bodyLimit),
      express.raw({ type: () => true, limit: deps.bodyLimit }),
      receive(deps),
    )
    .all(onlyMethod('POST'))
  app.use(() => {
    throw new Refusal('not-found', 404, 'There is nothing here. Alerts go to POST /webhooks/elastic.')
  })
  app.use(answerError(deps.events))
  return app
}

function onlyMethod(method: string) {
  return (req: Request): void => {
    throw new Refusal('not-found', 405, `${req.method} is not possible here, only ${method} is.`, { Allow: method })
  }
}

function refuseWhenFull({ storeReady, queueRoom }: ReceiverDeps) {
  return async (_req: Request, _res: Response, next: NextFunction): Promise<void> => {
    if (!(await storeReady())) throw new StoreError('The store is not ready.')
    if (!(await queueRoom())) {
      throw new Refusal('queue-full', 429, 'The queue is full. Send this again later.', { 'Retry-After': '30' })
    }
    next()
  }
}

/** The reader of the body would first take in all of a body that is announced as too long. */
function refuseLongBody(limit: number) {
  return (req: Request, _res: Response, next: NextFunction): void => {
    const length = Number(req.headers['content-length'] ?? 0)
    if (length > limit) throw new Refusal('too-large', 413, `The body has ${length} bytes, BODY_LIMIT allows ${limit}.`)
    next()
  }
}

function receive({ spaces, accept, events }: ReceiverDeps) {
  return async (req: Request, res: Response): Promise<void> => {
    const intake = readWebhook(decodeBody(req.body), spaces)
    for (const incomplete of intake.incomplete) events.incomplete(incomplete)
    if (intake.alerts.length === 0 && intake.invalid.length > 0) {
      throw new Refusal('invalid', 422, `No valid alert in it: ${firstError(intake)}`, {}, listed(intake))
    }
    const counts = intake.alerts.length === 0 ? NOTHING : await accept(intake.alerts)
    const result = intake.alerts.length === 0 ? 'empty' : 'accepted'
    const { accepted, duplicates, unmatched } = counts
    events.webhook(result, {
      counts: { accepted, duplicates, unmatched, invalid: intake.invalid.length, skipped: intake.skipped.length },
      detail: firstError(intake),
    })
    res.status(202).json({ message: summary(intake, counts), accepted, duplicates, unmatched, ...listed(intake) })
  }
}

const NOTHING = { accepted: 0, duplicates: 0, unmatched: 0 }

/** Kibana refuses answers above 1 MB, so only the first are listed; the message has the number. */
const MAX_LISTED = 100

function listed({ invalid, skipped }: Intake): Pick<Intake, 'invalid' | 'skipped'> {
  return { invalid: invalid.slice(0, MAX_LISTED), skipped: skipped.slice(0, MAX_LISTED) }
}

function firstError({ invalid }: Intake): string {
  const [first] = invalid
  return first === undefined ? '' : `alert ${first.index}: ${first.errors.join('; ')}`
}

function summary({ invalid, skipped }: Intake, counts: typeof NOTHING): string {
  const parts: [number, string][] = [
    [counts.accepted, 'accepted'],
    [counts.duplicates, 'known already'],
    [counts.unmatched, 'answered by no playbook'],
    [invalid.length, 'invalid'],
    [skipped.length, 'skipped as building blocks'],
  ]
  const said = parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`)
  return said.length === 0 ? 'No alerts in it' : `Alerts: ${said.join(', ')}`
}

function answerError(events: ReceiverEvents) {
  return (error: unknown, req: Request, res: Response, _next: NextFunction): void => {
    const refusal = refusalOf(error)
    const result: WebhookResult = refusal.result
    if (result !== 'not-found') {
      // Who sent it learns that it failed, who runs the service also why.
      const ours = result === 'failed' || result === 'store-down'
      events.webhook(result, { counts: null, detail: ours ? messageOf(error) : refusal.message })
    }
    if (res.headersSent) {
      req.socket.destroy()
      return
    }
    res.status(refusal.status).set(refusal.headers)
    res.json({ message: refusal.message, ...refusal.extra })
  }
}
