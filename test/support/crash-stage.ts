import { rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, beforeEach } from 'node:test'
import type { Rule } from '../../src/ports.ts'
import type { Gate } from '../../src/simulator/faults.ts'
import { startWorld, type World } from '../../src/simulator/world.ts'
import { type Ledger, type Life, startLife, type ToChild } from './crash-life.ts'
import type { Point } from './crash-points.ts'
import { environment } from './service.ts'
import { addressOf, blocking, OUR_RULE, playbookFolder } from './service-stage.ts'
import { soak } from './soak.ts'
import { type Place, type StoreKind, withStores } from './stores.ts'
import { until } from './stores-jobs.ts'

/** One world, and one service in it that dies and is started again on the same store. */
export interface CrashStage {
  readonly world: World
  readonly life: Life
  /** Alerts answered with 202, and the address that each names. */
  readonly accepted: ReadonlyMap<string, string>
  /** The rules of others, as they stood at the start. */
  readonly foreign: () => readonly Rule[]
  /** How often the http step of the alert about this address called. */
  heard(address: string): number
  /** By address: how often it had called when a process died that had recorded the answer. */
  readonly recorded: ReadonlyMap<string, number>
  /** Alerts about new addresses, put into Elastic; nobody has heard of them. */
  raise(count: number): string[]
  /** Sends alerts in one webhook. */
  deliver(ids: readonly string[]): Promise<void>
  /** Alerts about new addresses, delivered; answers their ids. */
  send(count: number): Promise<string[]>
  addressOf(id: string): string
  /** Armed at the point, does what is to lead there, and is dead when this resolves. */
  diesAt(point: Point, act: () => Promise<unknown>): Promise<void>
  /** Killed from outside at the moment when a call, or its answer, has arrived at the gate. */
  diesAtGate(gate: Gate, act: () => Promise<unknown>): Promise<void>
  /** Starts again what has died: where others could hold its leases, half a minute later by its clock. */
  revive(): Promise<void>
  /** Starts it again, to die at that point once more. */
  reviveToDie(point: Point): Promise<void>
  /** Lets that much time pass; what happens every minute happens. Null: the process died over it. */
  later(ms: number): Promise<Ledger | null>
  ledger(): Promise<Ledger>
  /** Jobs by state. */
  jobs(): Promise<Ledger['jobs']>
}

export interface CrashOptions {
  readonly env?: Record<string, string>
  /** How long bans last. */
  readonly duration: string
  /** Nothing is hastened: locks, leases and calls last as long as in production. */
  readonly atLength?: boolean
}

// By then the lease of a process that died has run out; where a store serves one process, nobody waits for it.
const LEASE_MS = 31_000
const HASTE = { lockDuration: 1_000, stalledInterval: 500 }
// The embedded store takes its time to start on a slow machine.
const REACHED_WITHIN_MS = 60_000

/** Registers the same tests for the embedded store and for Redis; SOAK=1: for PostgreSQL, too. */
export function withCrashStores(tests: Parameters<typeof withStores>[0]): void {
  withStores(tests, soak ? undefined : ['embedded', 'redis'])
}

/**
 * A test's options. On the embedded store, whose start takes two seconds of a processor, the gate has time for the `short` list
 * of points alone, those in the middle of a call among them; SOAK=1 has time for all.
 */
export function pointOf(kind: StoreKind, short: boolean): { timeout: number; skip: string | false } {
  return {
    timeout: 240_000,
    skip: kind === 'embedded' && !short && !soak ? 'on the embedded store with SOAK=1' : false,
  }
}

export function crashStage(place: Place, options: CrashOptions): CrashStage {
  const calls: string[] = []
  const answering = listener(calls)
  const addresses = new Map<string, string>()
  const accepted = new Map<string, string>()
  const recorded = new Map<string, number>()
  let world: World | null = null
  let life: Life | null = null
  let folder = ''
  let foreign: readonly Rule[] = []
  let ahead = 0

  before(async () => {
    world = await startWorld({ ruleQuota: 20, cloudflare: { rateLimit: { requests: 100_000, seconds: 300 } } })
    foreign = foreignOf(world)
    folder = await playbookFolder({
      'block.yaml': blocking(options.duration, { between: telling(await answering.listen()) }),
    })
    await start()
  })
  // A test that failed may have left it dead.
  beforeEach(async () => {
    if (stage.life.isDead()) await start()
  })
  after(async () => {
    await life?.kill()
    await world?.close()
    await answering.close()
    await rm(folder, { recursive: true, force: true })
  })

  async function start(armed?: Point): Promise<void> {
    const env = { PLAYBOOKS_DIR: folder, HTTP_PRIVATE_TARGETS: '127.0.0.1', ...options.env }
    const started = await startLife({
      ...(armed ? { armed } : {}),
      env: environment(stage.world, env),
      place: place.config(),
      ahead,
      gently: options.atLength === true,
      ...(options.atLength || place.kind === 'embedded' ? {} : { haste: HASTE }),
    })
    life = started ?? life
    if (started !== null) await ask({ kind: 'tick', ahead })
  }

  async function died(how: string): Promise<void> {
    await until(() => stage.life.isDead(), REACHED_WITHIN_MS).catch(() => {
      throw new Error(`It never came ${how}:\n${stage.life.log().slice(-3000)}`)
    })
    for (const id of stage.life.recorded()) recorded.set(stage.addressOf(id), stage.heard(stage.addressOf(id)))
  }

  const restMs = place.kind === 'embedded' || options.atLength ? 0 : LEASE_MS
  const ask = (message: ToChild) => stage.life.ask(message)
  async function stored(kind: 'ledger' | 'jobs'): Promise<Ledger> {
    const ledger = await ask({ kind })
    if (ledger === null) throw new Error(`The process is dead:\n${stage.life.log().slice(-3000)}`)
    return ledger
  }

  const stage: CrashStage = {
    get world() {
      return there(world)
    },
    get life() {
      return there(life)
    },
    accepted,
    recorded,
    foreign: () => foreign,
    heard: (address) => calls.filter((call) => call === address).length,
    raise(count) {
      return Array.from({ length: count }, () => {
        const sourceIp = addressOf(addresses.size)
        const id = stage.world.alerts.add({ sourceIp })
        addresses.set(id, sourceIp)
        return id
      })
    },
    async deliver(ids) {
      const { status, body } = await stage.life.post(stage.world.webhook(ids))
      if (status !== 202) throw new Error(`The webhook answered ${status}: ${JSON.stringify(body)}`)
      for (const id of ids) accepted.set(id, stage.addressOf(id))
    },
    async send(count) {
      const ids = stage.raise(count)
      await stage.deliver(ids)
      return ids
    },
    addressOf: (id) => addresses.get(id) ?? '',
    async diesAt(point, act) {
      await ask({ kind: 'arm', point })
      const acted = act()
      // It may die before it has answered.
      await acted.catch(() => undefined)
      await ask({ kind: 'begin' })
      await died(`${point.when} ${point.at}`)
    },
    async diesAtGate(gate, act) {
      await ask({ kind: 'arm', point: null })
      await act()
      // Not waited for: it stands behind an act that the gate holds.
      void ask({ kind: 'begin' })
      await arrived(gate, () => stage.life.log())
      await stage.life.kill()
      await died('to the gate')
    },
    async revive() {
      ahead += restMs
      await start()
    },
    async reviveToDie(point) {
      ahead += restMs
      await start(point)
      await died(`again ${point.when} ${point.at}`)
    },
    later(ms) {
      ahead += ms
      return ask({ kind: 'tick', ahead })
    },
    ledger: () => stored('ledger'),
    jobs: async () => (await stored('jobs')).jobs,
  }
  return stage
}

async function arrived(gate: Gate, log: () => string): Promise<void> {
  const late = Promise.withResolvers<void>()
  const timer = setTimeout(
    () => late.reject(new Error(`No call came to the gate:\n${log().slice(-3000)}`)),
    REACHED_WITHIN_MS,
  )
  await Promise.race([gate.arrived, late.promise]).finally(() => clearTimeout(timer))
}

/** The rules of the zone that are not ours. */
export function foreignOf(world: Pick<World, 'zone'>): readonly Rule[] {
  return world.zone.rules().filter(({ description }) => description !== OUR_RULE)
}

function there<T>(thing: T | null): T {
  if (thing === null) throw new Error('The stage is set only while tests run')
  return thing
}

function telling(url: string): string {
  return `  - name: tell
    type: http
    with: { method: POST, url: "${url}/", body: "{{ event.alerts[0].source.ip }}" }
`
}

/** Remembers the bodies that it was sent. */
function listener(calls: string[]) {
  const server: Server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    calls.push(Buffer.concat(chunks).toString())
    response.end('{}')
  })
  return {
    async listen(): Promise<string> {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    },
    async close(): Promise<void> {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
