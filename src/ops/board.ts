import { createBullBoard } from '@bull-board/api'
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import { ExpressAdapter } from '@bull-board/express'
import { type Queue as BullQueue, Queue } from 'bullmq'
import express, { type NextFunction, type Request, type Response, type Router } from 'express'
import type { Replayed } from '../pipeline/reopen.ts'
import { holderOf } from './authorize.ts'
import { maskedAnswer, maskedData, maskedName } from './board-mask.ts'
import { OpsRefusal } from './ops-refusal.ts'

export interface BoardDeps {
  /** BullMQ's queue of alerts. */
  readonly queue: unknown
  /** Where it is mounted, without a slash at its end. */
  readonly path: string
  replay(alertIds: readonly string[], by: string): Promise<Replayed>
}

const AT_WORK = 'The job is at work already, and was not begun anew; try again when it has ended.'

/** Failed jobs that one click on "retry all" takes up. */
const MOST_AT_ONCE = 1000

/**
 * Bull Board, to look and to replay. What it may ask for is a list of what is allowed: reading, and the two retries, which
 * never reach it: a job is retried as a replay, with a fresh clock and a name in the history.
 */
export function createBoard(deps: BoardDeps): Router {
  if (!(deps.queue instanceof Queue)) throw new TypeError('The board needs a queue of BullMQ')
  const queue: BullQueue = deps.queue
  const adapter = new BullMQAdapter(queue, {
    readOnlyMode: false,
    allowRetries: true,
    displayName: 'Alerts',
    description: 'Retrying a job replays its alert. Nothing can be changed or deleted here.',
  })
  adapter.setFormatter('data', maskedData)
  adapter.setFormatter('name', maskedName)
  const server = new ExpressAdapter().setBasePath(deps.path)
  createBullBoard({
    queues: [adapter],
    // Typed for a looser compiler than ours.
    serverAdapter: server as unknown as BoardOptions['serverAdapter'],
    options: {
      uiConfig: {
        boardTitle: 'Portcullis',
        hideDocsLink: true,
        hideRedisDetails: true,
        showWorkers: false,
        pollingInterval: { showSetting: true },
      },
      handlerHooks: { after: async (_context, result) => maskedAnswer(result) },
    },
  })
  const router = express.Router()
  router.put(`/api/queues/${queue.name}/:jobId/retry`, retryOne(queue, deps))
  router.put(`/api/queues/${queue.name}/retry/failed`, retryFailed(queue, deps))
  router.use(refuseChanges)
  const board: express.Express = server.getRouter()
  board.disable('x-powered-by')
  router.use(board)
  return router
}

type BoardOptions = Parameters<typeof createBullBoard>[0]

function retryOne(queue: BullQueue, { replay }: BoardDeps) {
  return async (req: Request<{ jobId: string }>, res: Response): Promise<void> => {
    const id = alertIdOf(await queue.getJob(req.params.jobId))
    const { replayed, busy } = await replay(id === null ? [] : [id], holderOf(res))
    if (busy.length > 0) throw new OpsRefusal(409, AT_WORK)
    if (replayed.length === 0) throw new OpsRefusal(404, 'There is no such job.')
    res.status(204).end()
  }
}

function retryFailed(queue: BullQueue, { replay }: BoardDeps) {
  return async (_req: Request, res: Response): Promise<void> => {
    const jobs = await queue.getJobs(['failed'], 0, MOST_AT_ONCE - 1)
    const ids = jobs.map(alertIdOf).filter((id) => id !== null)
    const { replayed } = await replay(ids, holderOf(res))
    res.json({ retried: replayed.length, skipped: jobs.length - replayed.length })
  }
}

function alertIdOf(job: { readonly data?: { readonly alert?: { readonly id?: unknown } } } | undefined): string | null {
  const id = job?.data?.alert?.id
  return typeof id === 'string' ? id : null
}

function refuseChanges(req: Request, _res: Response, next: NextFunction): void {
  if (req.method === 'GET' || req.method === 'HEAD') {
    next()
    return
  }
  const message =
    'Here jobs can be looked at and retried, nothing else: what is deleted or changed would lose an alert.'
  // The board shows `error` by its key and `message` as it is.
  throw new OpsRefusal(403, message, {}, { error: { key: 'ERRORS.FORBIDDEN' } })
}
