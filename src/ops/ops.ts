import express, { type Express, type Request, type Response } from 'express'
import helmet from 'helmet'
import type { Secret } from '../config.ts'
import type { Ban } from '../core/ban.ts'
import type { Friends } from '../pipeline/pass-types.ts'
import type { Records } from '../ports.ts'
import { authorize, holderOf } from './authorize.ts'
import { bansCovering, readBanQuery, readTerm, selectBans, viewOf } from './ban-view.ts'
import { banByHand, readReason, unbanByHand } from './bans-by-hand.ts'
import { createBoard } from './board.ts'
import { answerError, OpsRefusal } from './ops-refusal.ts'
import { readHistory, replayAlerts, resumeEdges } from './orders.ts'
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
  /** False: no such job. */
  replay(alertId: string, by: string): Promise<boolean>
  /** Ends an `edge-contested` stop (null: on every edge); answers the edges where there was one. */
  resume(edge: string | null, by: string): Promise<string[]>
  playbooks(): readonly PlaybookStatus[]
  /** What bans by hand need; absent: there are none. */
  readonly byHand?: { readonly friends: () => Friends | Promise<Friends>; readonly releaseForMs: number }
  readonly events: {
    failed(e: { what: string; error: unknown }): void
    unban(e: { addresses: readonly string[]; by: string; reason: string }): void
  }
}

/** The ops port: health, metrics, the queue's dashboard, and the API that the command line speaks. */
export function createOps(deps: OpsDeps): Express {
  const app = express()
  app.disable('etag')
  app.use(protect)

  app.route('/healthz').get((_req, res) => void res.json({ message: 'Portcullis is running' }))
  app.route('/readyz').get(async (_req, res) => {
    const ready = await deps.storeReady()
    const message = ready ? 'Webhooks are taken' : 'The store cannot be reached: webhooks are answered 503'
    res.status(ready ? 200 : 503).json({ message, degraded: deps.degraded() })
  })

  app.use(authorize(deps.tokens, deps.readTokens))
  app.get('/', (_req, res) => res.redirect('/queues'))
  app.get('/metrics', async (_req, res) => {
    res.type(deps.metrics.contentType).send(await deps.metrics.text())
  })
  app.use('/queues', allowBoard, createBoard({ queue: deps.board, path: '/queues', replay: deps.replay }))
  app.use('/api', requireJson, express.json({ limit: '256kb' }), api(deps))
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

function requireJson(req: Request, _res: Response, next: () => void): void {
  const type = req.headers['content-type']
  if (type !== undefined && !/^application\/json\b/i.test(type))
    throw new OpsRefusal(415, 'The body must be sent as application/json.')
  next()
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

  router.post('/resume', async (req, res) => void res.json(await resumeEdges(deps, req.body, holderOf(res))))
  router.post('/replay', async (req, res) => {
    const answer = await replayAlerts(deps, req.body, holderOf(res))
    res.status(answer.replayed.length === 0 ? 404 : 200).json(answer)
  })
  if (deps.byHand !== undefined) addByHand(router, { ...deps, ...deps.byHand }, edgesNow)
  return router
}

/** A CIDR fits with its slash as it is or as %2F. */
const ONE_BAN = '/bans/:address{/:length}'

function addressIn(req: Request): string {
  const { address = '', length } = req.params as { address?: string; length?: string }
  return length === undefined ? address : `${address}/${length}`
}

function addByHand(
  router: express.Router,
  deps: OpsDeps & NonNullable<OpsDeps['byHand']>,
  edgesNow: () => Promise<string[]>,
): void {
  const now = () => new Date()
  router.post('/bans', async (req, res) => {
    const edges = await edgesNow()
    const { ban, error } = await banByHand({ ...deps, now, edges }, req.body, holderOf(res))
    const held = ban?.state === 'held'
    const where = Object.entries(ban?.edges ?? {}).filter(([, holding]) => !holding.held)
    const why = error ?? (where.map(([edge, { why }]) => `${edge}: ${why}`).join('; ') || 'no pass has seen it yet')
    const message = held ? `${ban.address} is held.` : `${ban?.address ?? 'It'} is written down and waits (${why}).`
    res.status(held ? 201 : 202).json({ message, held, ban, ...(error === null ? {} : { error }) })
  })
  router.delete(ONE_BAN, async (req, res) => {
    const { reason = req.query.reason ?? 'lifted by hand' } = Object(req.body) as { reason?: unknown }
    const edges = await edgesNow()
    const lifted = await unbanByHand({ ...deps, now, edges }, addressIn(req), readReason(reason), holderOf(res))
    const rest = lifted.coveredBy.length > 0 ? ` It is still covered by ${lifted.coveredBy.join(', ')}.` : ''
    const seen = lifted.verified ? 'no edge lists it any more' : (lifted.error ?? 'an edge still lists it')
    res.status(lifted.verified ? 200 : 202).json({ message: `${lifted.address} is lifted; ${seen}.${rest}`, ...lifted })
  })
}
