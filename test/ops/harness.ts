import { rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { openStore, type Store } from '../../src/adapters/store.ts'
import { addressSet } from '../../src/core/address-set.ts'
import type { Ban } from '../../src/core/ban.ts'
import { NEW_EDGE } from '../../src/core/edge-state.ts'
import { createOps, type OpsDeps } from '../../src/ops/ops.ts'
import { buildStatus } from '../../src/ops/status.ts'
import { createAllowed } from '../../src/pipeline/allow.ts'
import { createHealth } from '../../src/pipeline/health.ts'
import { createPausing } from '../../src/pipeline/pause.ts'
import type { JobData, Queue, Records } from '../../src/ports.ts'
import { listen } from '../../src/receiver/listen.ts'
import { emptyDataDir } from '../support/stores.ts'
import { until } from '../support/stores-jobs.ts'

export const TOKEN = 'canary-ops-token-that-nobody-guesses'
export const READ_TOKEN = 'canary-read-token-that-nobody-guesses'
export const EDGES = ['shop', 'blog'] as const

const OFFICE = { text: '203.0.113.0/28', note: 'office' }
const OWN = { text: '198.51.100.250', note: 'self' }

/** One name has addresses, and no other. */
async function resolveForTests(name: string): Promise<string[]> {
  if (name === 'vpn.example.org') return ['198.51.100.200', '2001:db8::200']
  throw new Error(`getaddrinfo ENOTFOUND ${name}`)
}

/** An ops port on a free port over a fresh embedded store, with what it was asked to do. */
export async function startOps(overrides: Partial<OpsDeps> = {}) {
  const dataDir = emptyDataDir()
  const store: Store = await openStore({ store: { kind: 'embedded' }, dataDir })
  const queue = store.createQueue()
  const { records } = store
  const replayed: { id: string; by: string }[] = []
  const atWork = new Set<string>()
  const resumed: { edge: string | null; by: string }[] = []
  const failures: unknown[] = []
  const ordered: string[] = []
  const woken: string[] = []
  const clock = { now: () => new Date() }
  const allowed = createAllowed({ records, clock, resolve: resolveForTests, onError: () => undefined })
  const health = createHealth({
    clock,
    events: { degraded: () => undefined, recovered: () => undefined },
    onRecovered: () => undefined,
  })
  const pausing = createPausing({ records, clock, health })
  const startedAt = new Date(Date.now() - 3_661_000)
  const deps: OpsDeps = {
    tokens: [{ name: 'alice', value: TOKEN }],
    readTokens: [{ name: '', value: READ_TOKEN }],
    version: '0.1.0',
    mode: 'enforce',
    metrics: { text: async () => 'portcullis_bans 1\n', contentType: 'text/plain; version=0.0.4; charset=utf-8' },
    records,
    board: queue.board(),
    storeReady: async () => true,
    degraded: health.degraded,
    async status() {
      const [edges, bans] = await Promise.all([records.all<typeof NEW_EDGE>('edges'), records.all<Ban>('bans')])
      return buildStatus({
        version: '0.1.0',
        mode: 'enforce',
        store: 'embedded',
        startedAt,
        now: new Date(),
        edges: EDGES,
        states: new Map(edges.map(({ id, doc }) => [id, doc])),
        bans: bans.map(({ doc }) => doc),
        queue: await queue.counts(),
        lastPasses: new Map(),
        degraded: deps.degraded(),
        playbooks: deps.playbooks(),
        paused: await pausing.read(),
      })
    },
    settle: async () => settleAll(records),
    async replay(ids, by) {
      const jobs = await Promise.all(ids.map(async (id) => ({ id, known: (await queue.read(id)) !== null })))
      const known = jobs.filter((job) => job.known).map(({ id }) => id)
      const done = known.filter((id) => !atWork.has(id))
      replayed.push(...done.map((id) => ({ id, by })))
      const unknown = jobs.filter((job) => !job.known).map(({ id }) => id)
      return { replayed: done, busy: known.filter((id) => atWork.has(id)), unknown }
    },
    async resume(edge, by) {
      resumed.push({ edge, by })
      return edge === null ? [EDGES[0]] : [edge]
    },
    playbooks: () => [{ file: '90-block.yaml', name: 'Block web attackers', mode: 'enforce', enabled: true }],
    byHand: {
      friends: async () => ({
        allowlist: [OFFICE, OWN, ...(await allowed.entries())],
        cloudflareRanges: addressSet(['104.16.0.0/13']),
        allowDocumentationRanges: true,
      }),
      releaseForMs: 24 * 3600_000,
      offenceMemoryMs: 180 * 24 * 3600_000,
      historyForMs: 365 * 24 * 3600_000,
      firstDuration: () => ({ durationMs: 3600_000, file: '90-block.yaml', observes: false }),
      wake: async (addresses) => void woken.push(...addresses),
      given: () => [OFFICE],
      allowed,
      pausing,
      explain: async () => ({ against: 'nothing', notes: [], alerts: [], invalid: [], skipped: [], edges: [] }),
    },
    events: {
      failed: ({ error }) => void failures.push(error),
      unban: () => undefined,
      ordered: ({ kind }) => void ordered.push(kind),
      paused: () => void ordered.push('paused'),
    },
    ...overrides,
  }
  const server = await listen(createOps(deps), { host: '127.0.0.1', port: 0 })
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`

  async function call(path: string, init: RequestInit & { token?: string | null } = {}) {
    const { token = TOKEN, headers, ...rest } = init
    const answer = await fetch(url + path, {
      redirect: 'manual',
      ...rest,
      headers: { ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...headers },
    })
    const text = await answer.text()
    const isJson = answer.headers.get('content-type')?.startsWith('application/json')
    return { status: answer.status, headers: answer.headers, text, json: isJson ? JSON.parse(text) : null }
  }

  const post = (path: string, body: unknown, init: RequestInit & { token?: string | null } = {}) =>
    call(path, {
      method: 'POST',
      body: JSON.stringify(body),
      ...init,
      headers: { 'content-type': 'application/json', ...init.headers },
    })

  async function stop(): Promise<void> {
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    await closed
    await queue.close(0)
    await store.close()
    await rm(dataDir, { recursive: true, force: true })
  }

  return {
    url,
    call,
    post,
    stop,
    records,
    queue,
    replayed,
    atWork,
    resumed,
    failures,
    ordered,
    woken,
    putBans: put(records),
  }
}

/** A pass as far as the ops port can see it: every ban is held everywhere, and the rule lists exactly the bans. */
async function settleAll(records: Records): Promise<void> {
  const bans = await records.all<Ban>('bans')
  const at = new Date().toISOString()
  const edges = Object.fromEntries(EDGES.map((edge) => [edge, { held: true, since: at, why: '' }]))
  const base = { rulesetId: 'r', version: 7, rule: null, index: 0, present: true, rest: { others: '', own: '' } }
  const terms = bans.map(({ id }) => id)
  const lastPass = { at, state: 'ok', detail: '', used: 812, limit: 4096, waiting: 0 }
  await records.commit({
    put: [
      ...bans.map(({ id, doc }) => ({ collection: 'bans' as const, id, doc: { ...doc, edges } })),
      ...EDGES.map((id) => ({
        collection: 'edges' as const,
        id,
        doc: { ...NEW_EDGE, base: { ...base, terms }, lastPass },
      })),
    ],
  })
}

function put(records: Records) {
  return (...bans: readonly Ban[]) =>
    records.commit({ put: bans.map((doc) => ({ collection: 'bans' as const, id: doc.address, doc })) })
}

/** A ban of an alert, held at both edges unless `changes` say otherwise. */
export function banOf(address: string, changes: Partial<Ban> = {}): Ban {
  const at = '2026-01-01T00:00:00.000Z'
  const holding = { held: true, since: at, why: '' }
  const note = 'Web Server Local File Inclusion Activity'
  const reason = { origin: 'alert' as const, id: 'alert-1', note, at, durationMs: null, until: null, edges: null }
  const edges = { shop: holding, blog: holding }
  return { address, offence: 1, reasons: [reason], createdAt: at, lastSeen: at, edges, ...changes }
}

/** Runs every job that waits, once: done, or failed for good. */
export async function finish(queue: Queue, outcome: (data: JobData) => string | Error, jobs: number): Promise<void> {
  queue.work(async ({ data }) => {
    const ended = outcome(data)
    if (ended instanceof Error) throw ended
    return { kind: 'done', outcome: ended }
  })
  await until(async () => {
    const { completed = 0, failed = 0 } = await queue.counts()
    return completed + failed >= jobs
  })
}
