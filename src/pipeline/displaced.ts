import type { Ban } from '../core/ban.ts'
import type { AlertRecord } from '../core/outcome.ts'
import type { Clock, JobData, Queue, Records, Siem, Stored } from '../ports.ts'
import { coalesce } from './coalesce.ts'
import { putRecord } from './ledger.ts'
import { reopen } from './reopen.ts'

export interface DisplacedDeps {
  readonly records: Records
  readonly queue: Queue
  readonly clock: Clock
  readonly siem: Siem | null
  readonly events: {
    concluded(e: {
      alert: JobData['alert']
      outcome: string
      seconds: number | null
      suspects: readonly string[]
    }): void
  }
}

/** A displaced address whose alerts are to be reopened; since when somebody looks after them. */
interface Note {
  readonly seenAt?: string
}

// An alert may be concluded a moment after its ban was displaced: notes are looked at again for so long.
const KEEP_MS = 60_000

/**
 * Alerts whose bans lost their place are no longer blocked: they are set back to open where they still are as we left them,
 * and wait again. What is to be done stands in the ledger until it is done; repeating it does no harm.
 */
export function createReopenDisplaced(deps: DisplacedDeps): () => Promise<void> {
  const oneAtATime = coalesce(
    async (asked: readonly undefined[]) => {
      await reopenDisplaced(deps)
      return asked
    },
    deps.clock,
    { quietMs: 0, mostMs: 0, mostItems: Number.POSITIVE_INFINITY },
  )
  return () => oneAtATime.ask(undefined)
}

async function reopenDisplaced(deps: DisplacedDeps): Promise<void> {
  const { records, clock } = deps
  const notes = (await records.all<Note>('settings')).filter(({ id }) => id.startsWith(PREFIX))
  if (notes.length === 0) return
  const out = await stillOut(records, notes)
  const alerts = (await records.all<AlertRecord>('outcomes')).filter(
    ({ doc }) => REOPENED.includes(doc.outcome) && doc.wanted.some((address) => isOf(doc, out.get(address))),
  )
  const blocked = alerts.filter(({ doc }) => doc.outcome === 'blocked')
  if (blocked.length > 0) await setBack(deps, blocked)
  for (const { id, doc } of alerts) {
    const job = await deps.queue.read(id)
    // One that is at work, or about to complete, is looked at again by the next tick.
    if (job === null || !FINISHED.includes(job.state)) continue
    const { alert } = job.data
    if (doc.outcome === 'blocked')
      deps.events.concluded({ alert, outcome: 'displaced', seconds: null, suspects: alert.suspects })
    await reopen(deps, [job.data])
  }
  await tidy(records, notes, out, clock.now())
}

// `displaced`: reopening it was begun, and perhaps not finished.
const REOPENED: readonly AlertRecord['outcome'][] = ['blocked', 'displaced']
const FINISHED: readonly string[] = ['completed', 'failed']

/** Those of the noted addresses that wait for a place by now. */
async function stillOut(records: Records, notes: readonly Stored<Note>[]): Promise<ReadonlyMap<string, Ban>> {
  const bans = await records.get<Ban>('bans', notes.map(addressOf))
  const isOut = ({ doc }: Stored<Ban>) => Object.values(doc.edges).some(({ held }) => !held)
  return new Map([...bans].filter(([, ban]) => isOut(ban)).map(([address, { doc }]) => [address, doc]))
}

/** What was blocked before this ban began was held until the end of an earlier one: it has had what it asked for. */
function isOf({ outcome, at }: AlertRecord, ban: Ban | undefined): boolean {
  if (ban === undefined) return false
  return outcome !== 'blocked' || ban.reasons.some((reason) => reason.origin === 'alert' && reason.at <= at)
}

/** Open again in Elastic, and `displaced` in the ledger, unless something else became of one of them meanwhile. */
async function setBack({ siem, records, clock }: DisplacedDeps, alerts: readonly Stored<AlertRecord>[]): Promise<void> {
  await siem?.mark(alerts.map(({ id, doc }) => ({ id, space: doc.space, status: 'open', tag: 'displaced' })))
  const now = clock.now()
  for (const { id, rev, doc } of alerts) {
    await records.commit({
      expect: [{ collection: 'outcomes', id, rev }],
      put: [putRecord(id, { ...doc, outcome: 'displaced', at: now.toISOString() }, now)],
    })
  }
}

async function tidy(
  records: Records,
  notes: readonly Stored<Note>[],
  out: ReadonlyMap<string, unknown>,
  now: Date,
): Promise<void> {
  const oldest = new Date(now.getTime() - KEEP_MS).toISOString()
  for (const note of notes) {
    const { id, rev, doc } = note
    const expect = [{ collection: 'settings' as const, id, rev }]
    const isOver = !out.has(addressOf(note)) || (doc.seenAt !== undefined && doc.seenAt <= oldest)
    // Noted anew meanwhile: left as it is.
    if (isOver) await records.commit({ expect, remove: [{ collection: 'settings', id }] })
    else if (doc.seenAt === undefined)
      await records.commit({ expect, put: [{ collection: 'settings', id, doc: { seenAt: now.toISOString() } }] })
  }
}

function addressOf({ id }: Stored<Note>): string {
  return id.slice(PREFIX.length)
}

const PREFIX = 'displaced:'

/** The id of the note that an address was displaced and its alerts are to be reopened. */
export function displacedNote(address: string): string {
  return `${PREFIX}${address}`
}
