import { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PgPool, PgPoolClient, PgQueryResult } from 'bullmq'
import type { Run, Session } from './pglite-session.ts'

/**
 * A `pg.Pool` in shape over PGlite's one session, for BullMQ's PostgreSQL backend and for the ledger.
 *
 * All its clients share that session, so whoever begins a transaction keeps the others waiting until it has ended: otherwise
 * their statements would become part of it. `end` does nothing; whoever opened the database closes it. `mayWork` throws while
 * nothing is to be begun.
 */
export function createPglitePool(
  session: Session,
  mayWork: () => void = () => {},
): PgPool & { readonly options: { readonly keepAlive: true } } {
  const gate = createGate()
  const run: Run = async (text, params) => {
    try {
      mayWork()
      session.mayWork()
    } catch (error) {
      // Who asks again at once, as a worker's loop does, would otherwise leave this thread to nobody else.
      await sleep(REFUSED_AFTER_MS)
      throw error
    }
    return session.run(text, params)
  }
  const clients = new Set<EventEmitter>()
  // As the clients of a pool hear that their connection is gone: who listens for notifications asks for them again.
  session.onRenewed((why) => {
    for (const client of clients) if (client.listenerCount('error') > 0) client.emit('error', why)
  })
  const pool = Object.assign(new EventEmitter(), {
    // Says that a client cannot be lost unnoticed, so an idle worker waits for a notification instead of asking every 10 s.
    options: { keepAlive: true } as const,
    query: <R>(text: string, params?: readonly unknown[]) => gate.pass(() => run<R>(text, params)),
    connect: async () => createClient(session, { gate, run, clients }),
    end: async () => {},
  })
  // Each of BullMQ's objects listens for errors, and none of them stops.
  pool.setMaxListeners(0)
  return pool as unknown as PgPool & typeof pool
}

const REFUSED_AFTER_MS = 50

interface Shared {
  readonly gate: Gate
  readonly run: Run
  readonly clients: Set<EventEmitter>
}

function createClient(session: Session, { gate, run, clients }: Shared): PgPoolClient {
  const client = new EventEmitter()
  client.setMaxListeners(0)
  let leave: (() => void) | null = null
  let begunIn = -1
  const forward = (channel: string, payload: string) => client.emit('notification', { channel, payload })
  session.listen(forward)
  clients.add(client)

  async function query<R>(text: string, params?: readonly unknown[]): Promise<PgQueryResult<R>> {
    if (leave === null && !BEGINS.test(text)) return gate.pass(() => run<R>(text, params))
    if (leave === null) {
      leave = await gate.enter()
      begunIn = session.round()
    }
    try {
      // A transaction that has begun is ended in any case, but not in another session.
      if (begunIn !== session.round()) throw new Error('the database broke down in the middle of a transaction')
      const result = await (BEGINS.test(text) ? run<R>(text, params) : session.run<R>(text, params))
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
    session.unlisten(forward)
    clients.delete(client)
    if (leave === null) return
    // Whoever lets go inside a transaction gave up half-way: nothing of it may remain.
    if (begunIn === session.round()) session.run('ROLLBACK').then(open, open)
    else open()
  }

  return Object.assign(client, { query, release }) as unknown as PgPoolClient
}

const BEGINS = /^\s*(begin|start\s+transaction)\b/i
const ENDS = /^\s*(commit|end|rollback)\b(?!\s+to\b)/i

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
