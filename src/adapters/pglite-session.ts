import type { PGlite } from '@electric-sql/pglite'
import type { PgQueryResult } from 'bullmq'
import { messageOf } from '../errors.ts'

export type Run = <R>(text: string, params?: readonly unknown[]) => Promise<PgQueryResult<R>>

/**
 * The one session of a PGlite. When PostgreSQL in it breaks down (a PANIC, as when its log cannot be written on), whatever is
 * asked afterwards would block this thread for ever: so nothing is, and the database is opened anew.
 */
export interface Session {
  readonly run: Run
  /** Throws while it is broken, and sees to it that it is opened anew. */
  mayWork(): void
  /** Rises with every opening: what was begun in one session does not go on in the next. */
  round(): number
  /** Hears notifications of this session and of those that follow. */
  listen(forward: Forward): void
  unlisten(forward: Forward): void
  /** Called after every opening but the first. */
  onRenewed(renewed: (why: Error) => void): void
  /** Nothing more is opened; closes the database, unless it is broken. */
  close(): Promise<void>
}

type Forward = (channel: string, payload: string) => void

/** `reopen` opens the same directory again; absent: what broke down stays so. */
export function createSession(first: PGlite, reopen?: () => Promise<PGlite>): Session {
  const forwards = new Set<Forward>()
  const hearers: ((why: Error) => void)[] = []
  let db = first
  let round = 0
  let broken: Error | null = null
  let opening: Promise<void> | null = null
  let nextTry = 0
  let last: Promise<unknown> = Promise.resolve()

  async function execute<R>(text: string, params?: readonly unknown[]): Promise<PgQueryResult<R>> {
    mayWork()
    try {
      if (params !== undefined && params.length > 0) return shaped(await db.query<R>(text, [...params]))
      // Migrations hold many statements; only the simple protocol takes them.
      return shaped((await db.exec(text)).at(-1))
    } catch (error) {
      if (isBreakdown(error)) broken = new Error(`the database broke down: ${messageOf(error)}`, { cause: error })
      throw error
    }
  }

  function mayWork(): void {
    if (broken === null) return
    openAgain()
    throw broken
  }

  /** Asked for by whoever wants something of the database, at most every two seconds. */
  function openAgain(): void {
    if (reopen === undefined || opening !== null || Date.now() < nextTry) return
    opening = reopen()
      .then((opened) => {
        const why = broken ?? new Error('the database was opened anew')
        db = opened
        broken = null
        round++
        for (const forward of forwards) db.onNotification(forward)
        for (const hear of hearers) hear(why)
      })
      .catch((error) => {
        nextTry = Date.now() + TRY_EVERY_MS
        broken = new Error(`the database broke down and cannot be opened again yet: ${messageOf(error)}`)
      })
      .finally(() => {
        opening = null
      })
  }

  return {
    /**
     * One statement after another, with a turn of the event loop between them. PGlite works on this thread and answers by
     * promises alone: without the turns, sockets and timers would wait until nobody asks any more, and nothing could be done
     * together.
     */
    run(text, params) {
      const mine = last.then(() => execute<never>(text, params))
      last = mine.then(nextTurn, nextTurn)
      return mine
    },
    mayWork,
    round: () => round,
    listen(forward) {
      forwards.add(forward)
      db.onNotification(forward)
    },
    unlisten(forward) {
      forwards.delete(forward)
      db.offNotification(forward)
    },
    onRenewed: (renewed) => void hearers.push(renewed),
    async close() {
      nextTry = Number.POSITIVE_INFINITY
      await opening
      if (broken === null) await db.close()
    },
  }
}

const TRY_EVERY_MS = 2_000

function isBreakdown(error: unknown): boolean {
  return Object(error).severity === 'PANIC' || Object(error).severity === 'FATAL'
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function shaped<R>(result: { rows: unknown[]; affectedRows?: number } | undefined): PgQueryResult<R> {
  const rows = (result?.rows ?? []) as R[]
  return { rows, rowCount: rows.length > 0 ? rows.length : (result?.affectedRows ?? 0) }
}
