import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as after } from 'node:timers/promises'
import { type KeptPort, keepPort } from '../../src/simulator/kept-port.ts'

/** A wire between the service and its store, which a test can cut, break, stall and slow down. */
export interface Wire {
  /** The store's URL with this wire's end in place of the server's. */
  readonly url: string
  /** Ends all connections and refuses new ones. */
  cut(): Promise<void>
  /** Takes connections again. */
  mend(): Promise<void>
  /** The next `times` pieces that travel this way arrive by half, and their connections are reset. */
  breakNext(way: Way, times?: number): void
  /** Nothing travels any more, in either direction; connections stay and new ones are taken. */
  stall(): void
  /** What waited travels on. */
  flow(): void
  /** Connections that there are swallow everything from now on, as behind a firewall that forgot them; new ones work. */
  forget(): void
  /** Only so many connections, from the first on, are heard; those after them are as forgotten from their beginning. */
  admit(most: number): void
  /** Every answer takes so long. */
  slow(ms: number): void
  /** New connections go to this port from now on, as a name does that was moved; those that there are stay. */
  move(port: number): void
  /** How often a connection was broken by `breakNext`. */
  broken(): number
  close(): Promise<void>
}

export type Way = 'request' | 'answer'

/** Lays it to the server that the URL names. */
export async function layWire(storeUrl: string): Promise<Wire> {
  const target = new URL(storeUrl)
  const pairs = new Set<Pair>()
  const line: Line = { breaking: { request: 0, answer: 0 }, broken: 0, slowMs: 0, stalled: null }
  let port = Number(target.port)
  let admitted = Number.POSITIVE_INFINITY
  let made = 0
  const server = createServer((near) => {
    const pair: Pair = { near, far: connect(port, target.hostname), forgotten: made++ >= admitted }
    pairs.add(pair)
    couple(line, pair, () => pairs.delete(pair))
  })
  const listen = (at: number) => new Promise<void>((resolve) => server.listen(at, '127.0.0.1', resolve))
  await listen(0)
  const own = (server.address() as { port: number }).port
  const url = new URL(storeUrl)
  url.port = String(own)

  function flow(): void {
    line.stalled?.resolve()
    line.stalled = null
  }
  let kept: KeptPort | null = null
  async function end(): Promise<void> {
    for (const { near, far } of pairs) {
      near.destroy()
      far.destroy()
    }
    if (server.listening) await new Promise((resolve) => server.close(resolve))
  }
  async function vacant(): Promise<void> {
    await kept?.leave()
    kept = null
  }
  return {
    url: url.href,
    async cut() {
      kept ??= await keepPort(own, end)
    },
    async mend() {
      await vacant()
      await listen(own)
    },
    breakNext(way, times = 1) {
      line.breaking[way] += times
    },
    stall() {
      line.stalled ??= Promise.withResolvers<void>()
    },
    flow,
    forget() {
      for (const pair of pairs) pair.forgotten = true
    },
    admit(most) {
      admitted = most
    },
    slow(ms) {
      line.slowMs = ms
    },
    move(to) {
      port = to
    },
    broken: () => line.broken,
    async close() {
      flow()
      await vacant()
      await end()
    },
  }
}

interface Pair {
  readonly near: Socket
  readonly far: Socket
  forgotten: boolean
}

interface Line {
  readonly breaking: Record<Way, number>
  broken: number
  slowMs: number
  stalled: PromiseWithResolvers<void> | null
}

function couple(line: Line, pair: Pair, ended: () => void): void {
  const { near, far } = pair
  for (const [from, to, way] of [
    [near, far, 'request'],
    [far, near, 'answer'],
  ] as const) {
    // One piece after the other, also where they wait.
    let last: Promise<void> = Promise.resolve()
    from.on('data', (piece: Buffer) => {
      const until = way === 'answer' && line.slowMs > 0 ? Date.now() + line.slowMs : 0
      last = last.then(() => carry(line, pair, { piece, to, way, until }))
    })
    from.on('error', () => to.destroy())
    from.on('close', () => {
      ended()
      last.then(() => to.destroy())
    })
  }
}

interface Carried {
  readonly piece: Buffer
  readonly to: Socket
  readonly way: Way
  /** When it may arrive. */
  readonly until: number
}

async function carry(line: Line, pair: Pair, { piece, to, way, until }: Carried): Promise<void> {
  const left = until - Date.now()
  if (left > 0) await after(left)
  while (line.stalled !== null) await line.stalled.promise
  if (pair.forgotten || to.destroyed) return
  if (line.breaking[way] === 0) {
    to.write(piece)
    return
  }
  line.breaking[way]--
  line.broken++
  await new Promise((resolve) => to.write(piece.subarray(0, Math.ceil(piece.length / 2)), resolve))
  pair.near.resetAndDestroy()
  pair.far.resetAndDestroy()
}
