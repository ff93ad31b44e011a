import type { Request, Response, Router } from 'express'
import { parseTerm } from '../core/address.ts'
import type { Replayed } from '../pipeline/reopen.ts'
import { adopt } from './adopt.ts'
import { allow, allowedNow, disallow } from './allow-orders.ts'
import { holderOf } from './authorize.ts'
import { banByHand } from './bans-by-hand.ts'
import type { ByHandDeps } from './by-hand.ts'
import { historyOf } from './history.ts'
import { OpsRefusal } from './ops-refusal.ts'
import { replayAlerts, resumeEdges } from './orders.ts'
import { endPause, pause } from './pause-orders.ts'
import { alertsToReplay } from './replay-orders.ts'
import type { Status } from './status.ts'
import { exportBans, importBans } from './transfer.ts'
import { type Lifted, liftBans, readLiftOrder } from './unban.ts'
import { isUnknown, whyOf } from './why.ts'

export interface DoorDeps extends Omit<ByHandDeps, 'edges' | 'now'> {
  readonly board: unknown
  status(): Promise<Status>
  replay(alertIds: readonly string[], by: string): Promise<Replayed>
  resume(edge: string | null, by: string): Promise<string[]>
}

/** The orders of people, each a line of the history in the name of who holds the token. */
export function addDoor(router: Router, deps: DoorDeps): void {
  const now = () => new Date()
  const ready = async (): Promise<ByHandDeps> => ({
    ...deps,
    now,
    edges: (await deps.status()).edges.map((e) => e.name),
  })

  router.post('/bans', async (req, res) => {
    const { ban, error, length, forced } = await banByHand(await ready(), req.body, holderOf(res))
    const held = ban?.state === 'held'
    const where = Object.entries(ban?.edges ?? {}).filter(([, holding]) => !holding.held)
    const why = error ?? (where.map(([edge, { why }]) => `${edge}: ${why}`).join('; ') || 'no pass has seen it yet')
    const state = held ? 'and held' : `written down, and waits (${why})`
    const overruled = forced === null ? '' : ` The guard ${forced} was overruled.`
    const message = `${ban?.address ?? 'It'} is banned ${length}, ${state}.${overruled}`
    res.status(held ? 201 : 202).json({ message, held, ban, length, forced, ...(error === null ? {} : { error }) })
  })

  const unban = async (body: unknown, res: Response) => {
    const by = await ready()
    const lifted = await liftBans(by, await readLiftOrder(by, body), holderOf(res))
    return { message: liftedMessage(lifted, now()), ...lifted }
  }
  router.post('/unban', async (req, res) => void res.json(await unban(req.body, res)))
  const unbanOne = async (address: string, req: Request, res: Response) => {
    const { reason = req.query.reason, grace = req.query.grace } = Object(req.body) as Record<string, unknown>
    const lifted = await unban({ addresses: [address], reason, grace }, res)
    res.status(statusOf(lifted)).json(lifted)
  }
  router.delete('/bans', async (req, res) => {
    const { address } = req.query
    if (typeof address !== 'string') throw new OpsRefusal(400, 'address says which: /api/bans?address=…')
    await unbanOne(address, req, res)
  })
  router.delete(ONE_BAN, (req, res) => unbanOne(addressIn(req), req, res))

  router.get('/why', async (req, res) => {
    if (typeof req.query.address !== 'string') throw new OpsRefusal(400, 'address says which: /api/why?address=…')
    const why = await whyOf(await ready(), req.query.address)
    res.status(isUnknown(why) ? 404 : 200).json(why)
  })

  router.get('/allowlist', async (_req, res) => void res.json({ entries: await allowedNow(await ready()) }))
  router.post('/allowlist', async (req, res) => {
    const { allowed, lifted, error } = await allow(await ready(), req.body, holderOf(res))
    const { entry, addresses, until } = allowed
    const name = parseTerm(entry) === null ? ` (now ${addresses.join(', ')}; looked up again every 5 minutes)` : ''
    const end = until === null ? 'until it is disallowed' : `until ${until}`
    const gone = lifted.length === 0 ? '' : ` Lifted: ${lifted.join(', ')}.`
    const failed = error === null ? '' : ` The edges could not be written yet: ${error}`
    res.json({ message: `${entry}${name} is never banned ${end}.${gone}${failed}`, allowed, lifted, error })
  })
  router.delete('/allowlist', async (req, res) => {
    const { removed, unknown, fixed } = await disallow(await ready(), req.body, holderOf(res))
    const parts = [
      ...(removed.length === 0 ? [] : [`No longer on the allowlist: ${removed.join(', ')}.`]),
      ...(fixed.length === 0 ? [] : [`${fixed.join(', ')} stands in ALLOWLIST: change it there, and start again.`]),
      ...(unknown.length === 0 ? [] : [`Not on the allowlist: ${unknown.join(', ')}.`]),
    ]
    res.json({ message: parts.join(' '), removed, unknown, fixed })
  })

  router.post('/adopt', async (req, res) => {
    const { addresses, until, error } = await adopt(await ready(), req.body, holderOf(res))
    const which = addresses.slice(0, 10).join(', ') + (addresses.length > 10 ? ', …' : '')
    const message =
      addresses.length === 0
        ? 'No entry that people put into the rule stands for ever.'
        : `${addresses.length === 1 ? '1 entry ends' : `${addresses.length} entries end`} ${until}: ${which}`
    res.json({ message, addresses, until, error })
  })

  router.post('/pause', async (req, res) => {
    const paused = await pause(await ready(), req.body, holderOf(res))
    const end = paused.until === null ? 'until `portcullis resume`' : `until ${paused.until}`
    res.json({ message: `Paused ${end}: alerts wait, nothing new is banned by them; ends and unbans go on.`, paused })
  })
  router.post('/resume', async (req, res) => {
    const by = await ready()
    const { edge } = Object(req.body) as { edge?: unknown }
    const { message, resumed } = await resumeEdges(deps, req.body, holderOf(res))
    const ended = edge === undefined && (await endPause(by, holderOf(res)))
    if (resumed.length > 0) await note(by, { kind: 'resumed', detail: resumed.join(', ') }, holderOf(res))
    const nothing = edge === undefined && !ended && resumed.length === 0
    const words = [
      ...(ended ? ['The pause is over.'] : []),
      ...(nothing ? ['Nothing was paused, and no edge had stopped as edge-contested.'] : []),
      ...(resumed.length > 0 || edge !== undefined ? [message] : []),
    ]
    res.json({ message: words.join(' '), resumed, pauseEnded: ended, ...(ended ? { paused: null } : {}) })
  })

  router.post('/replay', async (req, res) => {
    const alerts = await alertsToReplay(deps, req.body)
    const answer = await replayAlerts(deps, alerts, holderOf(res))
    const { replayed, busy } = answer
    if (replayed.length > 0)
      await note(await ready(), { kind: 'replayed', detail: `${replayed.length} alerts` }, holderOf(res))
    const none = replayed.length === 0 && alerts.length > 0
    res.status(none ? (busy.length > 0 ? 409 : 404) : 200).json(answer)
  })

  router.get('/export', async (_req, res) => {
    // As it is, without a word about a pause: it is a file.
    res.type('json').send(JSON.stringify(await exportBans(deps.records, now())))
  })
  router.post('/import', async (req, res) => {
    const done = await importBans(await ready(), req.body, holderOf(res))
    const { bans, unchanged, ended, refused, error } = done
    const parts = [`${bans.length} bans taken over`, `${unchanged} known already`, `${ended} ended meanwhile`]
    const failed = error === null ? '' : ` The edges could not be written yet: ${error}`
    res.json({ message: `${parts.join(', ')}, ${refused.length} refused.${failed}`, ...done })
  })

  router.post('/explain', async (req, res) => {
    const { body } = Object(req.body) as { body?: unknown }
    if (typeof body !== 'string') throw new OpsRefusal(400, 'body must be the text of a webhook.')
    res.json(await deps.explain(body))
  })
}

/** A CIDR fits with its slash as it is or as %2F. */
export const ONE_BAN = '/bans/:address{/:length}'

export function addressIn(req: Request): string {
  const { address = '', length } = req.params as { address?: string; length?: string }
  return length === undefined ? address : `${address}/${length}`
}

async function note(deps: ByHandDeps, { kind, detail }: { kind: string; detail: string }, by: string): Promise<void> {
  const entry = { kind, addresses: [], by, detail }
  await deps.records.commit({ put: [historyOf(entry, deps.now(), deps.historyForMs)] })
  deps.events.ordered({ kind, addresses: [], by, reason: detail })
}

/** 200: seen to be gone. 202: lifted, and not seen to be gone. 404: not banned. 409: a part of wider bans. */
function statusOf({ lifted, unknown, covered, verified }: Lifted): number {
  if (unknown.length > 0) return 404
  if (covered.length > 0) return 409
  return lifted.length === 0 || verified ? 200 : 202
}

function liftedMessage({ lifted, unknown, covered, until, verified, still, error }: Lifted, now: Date): string {
  const which = lifted.slice(0, 10).join(', ') + (lifted.length > 10 ? ` and ${lifted.length - 10} more` : '')
  const at = now.toISOString().slice(11, 19)
  const where = still.map((one) => `${one.address} is still in ${one.where.join(' and ')}`).join('; ')
  const seen = verified
    ? `every edge was read again at ${at}Z and lists none of it`
    : (error ?? (where || 'not verified'))
  return [
    ...(lifted.length === 0
      ? []
      : [`${which} ${lifted.length === 1 ? 'is' : 'are'} lifted: ${seen}. Automatic bans are refused until ${until}.`]),
    ...covered.map(
      ({ address, by }) => `${address} is banned as a part of ${by.join(', ')}: lift that, or allow ${address}.`,
    ),
    ...(unknown.length === 0 ? [] : [`Not banned: ${unknown.join(', ')}.`]),
    ...(lifted.length + unknown.length + covered.length === 0 ? ['There is nothing to lift.'] : []),
  ].join('\n')
}
