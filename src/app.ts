import { createHash } from 'node:crypto'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { openAllowlist } from './adapters/allowlist.ts'
import { createBudget } from './adapters/budget.ts'
import { systemClock } from './adapters/clock.ts'
import { createCloudflareZone } from './adapters/cloudflare.ts'
import { createCloudflareList } from './adapters/cloudflare-list.ts'
import { createAlertReader, createElasticsearchClient, createElasticsearchSiem } from './adapters/elasticsearch.ts'
import { createKibanaSiem } from './adapters/kibana.ts'
import { openStore, type Store } from './adapters/store.ts'
import { createCatchUp } from './app-catch-up.ts'
import { createOpsApp, VERSION } from './app-ops.ts'
import { createPipeline } from './app-pipeline.ts'
import { followPlaybooks, readPlaybooks } from './app-playbooks.ts'
import { createReadiness, type Readiness } from './app-ready.ts'
import { createTold } from './app-tell.ts'
import type { Config } from './config.ts'
import { type BudgetRate, CLOUDFLARE_RATE } from './core/budget.ts'
import { messageOf } from './errors.ts'
import type { Events } from './events.ts'
import type { Metrics } from './metrics.ts'
import { freeLeases } from './pipeline/lease.ts'
import { reopenObserved } from './pipeline/reopen.ts'
import { spilling } from './pipeline/spilling.ts'
import type { Clock, Records, Siem } from './ports.ts'
import { listen } from './receiver/listen.ts'
import { createReceiver } from './receiver/receiver.ts'

export interface App {
  /** Where webhooks go, with the port that was really taken; null with RECEIVER=off. */
  readonly webhookUrl: string | null
  /** The ops port's, likewise. */
  readonly opsUrl: string
  /** Does what otherwise happens every minute: at once, or after the one under way. */
  tick(): Promise<void>
  /** Finishes what is in flight, 8 s at most; the rest is taken up by the next start. */
  stop(): Promise<void>
}

// SIGTERM's grace is 10 s in most places: jobs get the better part of it.
const STOP_GRACE_MS = 5_000
const PASS_GRACE_MS = 1_000
// How long a count of the queue serves the receiver.
const COUNT_FOR_MS = 1_000

type Closer = () => unknown

export interface AppDeps {
  readonly config: Config
  readonly events: Events
  readonly metrics: Metrics
  /** Absent: the system's. */
  readonly clock?: Clock
  /** How fast Cloudflare is called; absent: under half of what it allows. */
  readonly rate?: BudgetRate
  /** What stands between the service and its store; absent: nothing. */
  readonly wrapStore?: (store: Store) => Store
}

/** Starts the whole service. Rejects, having closed what it had opened, when something it needs is missing. */
export async function startApp(deps: AppDeps): Promise<App> {
  const closers: Closer[] = []
  const stop = async () => {
    const results: PromiseSettledResult<unknown>[] = []
    for (const close of closers.splice(0).reverse()) results.push(...(await Promise.allSettled([attempt(close)])))
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }
  try {
    const told = createTold(deps.config, deps.events, deps.clock ?? systemClock)
    closers.push(told.close)
    return { ...(await start({ ...deps, events: told.events }, closers)), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function start(
  { config, events, metrics, clock = systemClock, rate = CLOUDFLARE_RATE, wrapStore = (store) => store }: AppDeps,
  closers: Closer[],
): Promise<Omit<App, 'stop'>> {
  let playbooks = await readPlaybooks(config, events)
  const store = wrapStore(await openStore(config, (error) => events.storeWarning({ message: messageOf(error) })))
  closers.push(() => store.close())
  // A pass that ends before the store is closed gives its lease back; nobody has to wait for it to run out then.
  let passes = async (): Promise<void> => {}
  closers.push(() => atMost(PASS_GRACE_MS, passes()))
  for (const message of store.warnings) events.storeWarning({ message })
  const { records } = store
  // One process alone has the embedded store: whoever held a lease there is dead.
  if (store.kind === 'embedded') await freeLeases(records)
  const queue = store.createQueue({ onError: (error) => events.storeWarning({ message: messageOf(error) }) })
  closers.push(() => queue.close(STOP_GRACE_MS))
  const allowlist = await openAllowlist({
    given: config.allowlist,
    records,
    traceUrl: new URL('/cdn-cgi/trace', config.cloudflare.apiUrl).href,
    onError: (name, error) =>
      events.configWarning({ message: `${name} of ALLOWLIST cannot be looked up: ${messageOf(error)}` }),
  })
  const siem = siemOf(config)
  const pipeline = createPipeline({
    config,
    events,
    records,
    queue,
    allowlist,
    clock,
    ...edgesOf(config, events, records, { clock, rate }),
    siem,
    playbooks: () => playbooks,
  })
  await pipeline.refreshAllowlist()
  passes = pipeline.settler.idle
  const watcher = followPlaybooks(config, {
    events,
    health: pipeline.health,
    initial: playbooks,
    onChange: (changed) => {
      playbooks = changed
    },
  })
  closers.push(() => watcher.close())
  metrics.beforeScrape(async () => metrics.setQueue(await queue.counts()))
  if (config.mode === 'enforce') await reopenObserved({ records, queue, clock, playbookBy: pipeline.playbookBy })
  queue.work(pipeline.respond)
  const tick = pipeline.startTick()
  closers.push(() => atMost(PASS_GRACE_MS, tick.stop()))
  void tick.run()
  const { health, intake } = pipeline
  const seen = () => playbooks
  const catchUp = createCatchUp({ config, events, records, queue, clock, siem, health, intake, playbooks: seen })
  closers.push(() => catchUp?.stop())

  const readiness = createReadiness({ ping: records.ping, clock })
  const webhook = config.receiver
    ? await listen(receiverOf(config, events, queue, pipeline, readiness), {
        host: config.host,
        port: config.port,
        settings: 'HOST and PORT',
      })
    : null
  if (webhook !== null) closers.push(() => closed(webhook))
  const ops = await listen(
    createOpsApp({ config, events, metrics, store, queue, pipeline, clock, readiness, playbooks: () => playbooks }),
    { host: config.opsHost, port: config.opsPort, settings: 'OPS_HOST and OPS_PORT' },
  )
  closers.push(() => closed(ops))
  const webhookUrl = webhook === null ? null : `${urlOf(webhook)}/webhooks/elastic`
  const opsUrl = urlOf(ops)
  events.started({ version: VERSION, mode: config.mode, store: store.kind, webhook: webhookUrl, ops: opsUrl })
  return { webhookUrl, opsUrl, tick: tick.runAnew }
}

function edgesOf(
  { cloudflare }: Config,
  events: Events,
  records: Records,
  pace: { readonly clock: Clock; readonly rate: BudgetRate },
) {
  const fingerprint = createHash('sha256').update(cloudflare.apiToken).digest('hex').slice(0, 16)
  const budget = createBudget({ records, fingerprint, ...pace })
  const { apiUrl, apiToken: token, accountId, list: name } = cloudflare
  const onCall = (method: string, status: number | string) => events.cloudflareCall({ method, status })
  const room = { limit: cloudflare.expressionLimit, maxRules: cloudflare.maxRules }
  return {
    edges: cloudflare.zones.map((zone) =>
      spilling(createCloudflareZone({ apiUrl, token, zone, budget, onCall }), room, pace.clock),
    ),
    list: accountId === null ? null : createCloudflareList({ apiUrl, token, accountId, name, budget, onCall }),
  }
}

/** Kibana writes where it is set, so that it knows of every change; Elasticsearch reads. */
function siemOf({ elastic, proxy }: Config): Siem | null {
  const { elasticsearch, kibana, caFile, spaces } = elastic
  const common = { caFile, spaces, proxy }
  if (kibana !== null) {
    const reader =
      elasticsearch === null ? null : createAlertReader(createElasticsearchClient({ ...common, ...elasticsearch }))
    return createKibanaSiem({ ...common, ...kibana, reader })
  }
  return elasticsearch === null ? null : createElasticsearchSiem({ ...common, ...elasticsearch })
}

function receiverOf(
  config: Config,
  events: Events,
  queue: { counts(): Promise<Record<string, number>> },
  pipeline: ReturnType<typeof createPipeline>,
  readiness: Readiness,
) {
  let counted = { at: 0, jobs: 0 }
  return createReceiver({
    secrets: config.webhookSecrets,
    bodyLimit: config.bodyLimit,
    trustProxy: config.trustProxy,
    spaces: config.elastic.spaces,
    accept: readiness.watch(pipeline.intake.accept),
    storeReady: readiness.answersOrThrows,
    async queueRoom() {
      if (Date.now() - counted.at > COUNT_FOR_MS) {
        const { waiting = 0, delayed = 0, active = 0 } = await queue.counts()
        counted = { at: Date.now(), jobs: waiting + delayed + active }
      }
      return counted.jobs < config.queueLimit
    },
    events: {
      incomplete: events.incomplete,
      webhook: (result, { counts, detail }) =>
        events.webhook({ result, detail, ...(counts ?? { accepted: 0, duplicates: 0, unmatched: 0, invalid: 0 }) }),
    },
  })
}

function urlOf(server: Server): string {
  const { address, port, family } = server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeIdleConnections()
    setTimeout(() => server.closeAllConnections(), 1_000).unref()
  })
}

async function attempt(close: Closer): Promise<void> {
  await close()
}

/** Waits for the work, but no longer than this. */
async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  const limit = AbortSignal.timeout(ms)
  await Promise.race([work, new Promise((resolve) => limit.addEventListener('abort', resolve, { once: true }))])
}
