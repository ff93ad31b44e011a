import express, { type Express, type NextFunction, type Request, type Response, type Router } from 'express'
import helmet from 'helmet'
import type { Secret } from '../config.ts'
import type { Ban } from '../core/ban.ts'
import type { Replayed } from '../pipeline/reopen.ts'
import type { Records } from '../ports.ts'
import { authorize } from './authorize.ts'
import { bansCovering, readBanQuery, readTerm, selectBans, viewOf } from './ban-view.ts'
import type { BoardDeps } from './board.ts'
import type { ByHand, OrderEvents } from './by-hand.ts'
import { addDoor, addressIn, ONE_BAN } from './door.ts'
import { onDemand } from './on-demand.ts'
import { answerError, OpsRefusal } from './ops-refusal.ts'
import { readHistory } from './orders.ts'
import type { PlaybookStatus, Status } from './status.ts'

export interface OpsDeps {
  readonly tokens: readonly Secret[]
  /** These may only read. */
  readonly readTokens: readonly Secret[]
  readonly version: string
  readonly mode: 'enforce' | 'observe'
  readonly metrics: { text(): Promise<string>; readonly contentType: string }
  readonly records: Records
  /** BullMQ's queue of alerts, for Bull Board. */
  readonly board: unknown
  /** Whether a webhook could be stored now. */
  storeReady(): Promise<boolean>
  degraded(): { part: string; reason: string }[]
  status(): Promise<Status>
  /** One pass begun after this call over each edge (null: all). */
  settle(edges: readonly string[] | null): Promise<unknown>
  replay(alertIds: readonly string[], by: string): Promise<Replayed>
  /** Ends an `edge-contested` stop (null: on every edge); answers the edges where there was one. */
  resume(edge: string | null, by: string): Promise<string[]>
  playbooks(): readonly PlaybookStatus[]
  /** What people's orders need. */
  readonly byHand: ByHand
  readonly events: OrderEvents & { failed(e: { what: string; error: unknown }): void }
}

/** The ops port: health, metrics, the queue's dashboard, and the API that the command line speaks. */
export function createOps(deps: OpsDeps): Express {
  const app = express()
  app.disable('etag')
  app.use(protect)

  app.route('/healthz').get((_req, res) => void res.json({ message: 'Portcullis is running' }))
  app.route('/readyz').get(async (_req, res) => {
    const ready = await deps.storeReady()
    const message = ready
      ? 'Webhooks are taken'
      : 'The store cannot be reached, or took no webhook lately: they are answered 503'
    res.status(ready ? 200 : 503).json({ message, degraded: deps.degraded() })
  })

  app.use(authorize(deps.tokens, deps.readTokens))
  app.get('/', (_req, res) => res.redirect('/queues'))
  app.get('/metrics', async (_req, res) => {
    res.type(deps.metrics.contentType).send(await deps.metrics.text())
  })
  app.use('/queues', allowBoard, boardOnDemand({ queue: deps.board, path: '/queues', replay: deps.replay }))
  app.use(['/api/import', '/api/explain'], requireJson, express.json({ limit: '64mb' }))
  app.use('/api', requireJson, express.json({ limit: '256kb' }), sayPaused(deps), api(deps))
  app.use(() => {
    throw new OpsRefusal(404, 'There is nothing here. The paths are /metrics, /queues and /api/…')
  })
  app.use(answerError((error) => deps.events.failed({ what: 'answering a request to the ops port', error })))
  return app
}

/** Plain HTTP on a loopback address: nothing is to be upgraded. */
const protect = [
  helmet({
    strictTransportSecurity: false,
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"], 'base-uri': ["'none'"] },
    },
  }),
  (_req: Request, res: Response, next: () => void) => {
    res.set('Cache-Control', 'no-store')
    next()
  },
]

/** Bull Board serves its own scripts, sets styles as it goes, and asks for fonts elsewhere, which it does not get. */
const allowBoard = helmet.contentSecurityPolicy({
  useDefaults: false,
  directives: {
    'default-src': ["'none'"],
    'script-src': ["'self'"],
    'style-src': ["'self'", "'unsafe-inline'"],
    'img-src': ["'self'", 'data:'],
    'font-src': ["'self'"],
    'connect-src': ["'self'"],
    'base-uri': ["'self'"],
    'form-action': ["'none'"],
    'frame-ancestors': ["'none'"],
  },
})

/** Its packages take 8 MB: they are loaded when somebody first looks. */
function boardOnDemand(deps: BoardDeps) {
  const board = onDemand(async () => (await import('./board.ts')).createBoard(deps))
  return async (req: Request, res: Response, next: NextFunction): Promise<void> => {
    const handle: Router = await board()
    handle(req, res, next)
  }
}

function requireJson(req: Request, _res: Response, next: () => void): void {
  const type = req.headers['content-type']
  if (type !== undefined && !/^application\/json\b/i.test(type))
    throw new OpsRefusal(415, 'The body must be sent as application/json.')
  next()
}

/** While paused every answer says so, nobody should wonder why nothing is banned; one that speaks of pauses itself knows better. */
function sayPaused({ byHand }: OpsDeps) {
  return async (_req: Request, res: Response, next: () => void) => {
    const paused = await byHand.pausing.read()
    const send = res.json.bind(res)
    if (paused !== null) res.json = (body: unknown) => send({ paused, ...Object(body) })
    next()
  }
}

function api(deps: OpsDeps): express.Router {
  const { records } = deps
  const router = express.Router()
  const edgesNow = async () => (await deps.status()).edges.map(({ name }) => name)
  const bansNow = async () => (await records.all<Ban>('bans')).map(({ doc }) => doc)

  router.get('/status', async (_req, res) => void res.json(await deps.status()))
  router.get('/playbooks', (_req, res) => void res.json({ playbooks: deps.playbooks() }))
  router.get('/history', async (req, res) => void res.json(await readHistory(records, req.query)))

  const showOne = async (text: string, res: Response) => {
    const term = readTerm(text)
    const [edges, all] = await Promise.all([edgesNow(), bansNow()])
    const bans = bansCovering(all, term).map((ban) => viewOf(ban, edges, new Date()))
    const released = (await records.get('released', [term.text])).get(term.text)?.doc ?? null
    const message = bans.length === 0 ? `${term.text} is not banned.` : `${term.text} is banned.`
    res.status(bans.length === 0 ? 404 : 200).json({ message, address: term.text, bans, released })
  }
  router.get('/bans', async (req, res) => {
    if (typeof req.query.address === 'string') {
      await showOne(req.query.address, res)
      return
    }
    const edges = await edgesNow()
    res.json(selectBans(await bansNow(), readBanQuery(req.query, edges), edges, new Date()))
  })
  router.get(ONE_BAN, async (req, res) => await showOne(addressIn(req), res))

  addDoor(router, { ...deps, ...deps.byHand })
  return router
}
