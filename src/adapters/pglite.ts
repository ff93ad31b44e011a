import { EventEmitter } from 'node:events'
import type { PGlite } from '@electric-sql/pglite'
import type { PgPool, PgPoolClient, PgQueryResult } from 'bullmq'

/**
 * A `pg.Pool` in shape over PGlite's one session, for BullMQ's PostgreSQL backend and for the ledger.
 *
 * All its clients share that session, so whoever begins a transaction keeps the others waiting until it has ended: otherwise
 * their statements would become part of it. `end` does nothing; whoever opened the database closes it.
 */
export function createPglitePool(db: PGlite): PgPool & { readonly options: { readonly keepAlive: true } } {
  const gate = createGate()
  const run = inTurns(db)
  const pool = Object.assign(new EventEmitter(), {
    // Says that a client cannot be lost unnoticed, so an idle worker waits for a notification instead of asking every 10 s.
    options: { keepAlive: true } as const,
    query: <R>(text: string, params?: readonly unknown[]) => gate.pass(() => run<R>(text, params)),
    connect: async () => createClient(db, gate, run),
    end: async () => {},
  })
  // Each of BullMQ's objects listens for errors, and none of them stops.
  pool.setMaxListeners(0)
  return pool as unknown as PgPool & typeof pool
}

function createClient(db: PGlite, gate: Gate, run: Run): PgPoolClient {
  const client = new EventEmitter()
  client.setMaxListeners(0)
  let leave: (() => void) | null = null
  const forward = (channel: string, payload: string) => client.emit('notification', { channel, payload })
  db.onNotification(forward)

  async function query<R>(text: string, params?: readonly unknown[]): Promise<PgQueryResult<R>> {
    if (leave === null && !BEGINS.test(text)) return gate.pass(() => run<R>(text, params))
    leave ??= await gate.enter()
    try {
      const result = await run<R>(text, params)
      if (ENDS.test(text)) open()
      return result
    } catch (error) {
      if (BEGINS.test(text) || ENDS.test(text)) open()
      throw error
    }
  }

  function open(): void {
    leave?.()
    leave = null
  }

  function release(): void {
    db.offNotification(forward)
    if (leave === null) return
    // Whoever lets go inside a transaction gave up half-way: nothing of it may remain.
    run('ROLLBACK').then(open, open)
  }

  return Object.assign(client, { query, release }) as unknown as PgPoolClient
}

const BEGINS = /^\s*(begin|start\s+transaction)\b/i
const ENDS = /^\s*(commit|end|rollback)\b(?!\s+to\b)/i

type Run = <R>(text: string, params?: readonly unknown[]) => Promise<PgQueryResult<R>>

/**
 * One statement after another, with a turn of the event loop between them. PGlite works on this thread and answers by promises
 * alone: without the turns, sockets and timers would wait until nobody asks any more, and nothing could be done together.
 */
function inTurns(db: PGlite): Run {
  let last: Promise<unknown> = Promise.resolve()
  return (text, params) => {
    const mine = last.then(() => execute<never>(db, text, params))
    last = mine.then(nextTurn, nextTurn)
    return mine
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

async function execute<R>(db: PGlite, text: string, params?: readonly unknown[]): Promise<PgQueryResult<R>> {
  if (params !== undefined && params.length > 0) return shaped(await db.query<R>(text, [...params]))
  // Migrations hold many statements; only the simple protocol takes them.
  const results = await db.exec(text)
  return shaped(results.at(-1))
}

function shaped<R>(result: { rows: unknown[]; affectedRows?: number } | undefined): PgQueryResult<R> {
  const rows = (result?.rows ?? []) as R[]
  return { rows, rowCount: rows.length > 0 ? rows.length : (result?.affectedRows ?? 0) }
}

interface Gate {
  /** Runs when no transaction is open; PGlite itself puts single statements in a row. */
  pass<T>(work: () => Promise<T>): Promise<T>
  /** Waits for its turn and for what runs, then keeps everybody else out until left. */
  enter(): Promise<() => void>
}

function createGate(): Gate {
  let closed: Promise<void> | null = null
  const passing = new Set<Promise<unknown>>()
  return {
    async pass(work) {
      while (closed) await closed
      const passed = work()
      passing.add(passed)
      try {
        return await passed
      } finally {
        passing.delete(passed)
      }
    },
    async enter() {
      while (closed) await closed
      const { promise, resolve } = Promise.withResolvers<void>()
      closed = promise
      await Promise.allSettled(passing)
      return () => {
        closed = null
        resolve()
      }
    },
  }
}
