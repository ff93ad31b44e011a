import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** Counters and gauges of one instance. Labels are words of ours and names of edges, never addresses or other people's text. */
export interface Metrics {
  webhook(result: string): void
  missing(alerts: number): void
  alert(outcome: string, seconds: number | null): void
  refusal(reason: string): void
  pass(edge: string, result: string, seconds: number | null): void
  setLastSettle(edge: string, at: Date): void
  cloudflareCall(method: string, status: string | number): void
  /** How many parts stand degraded under this label; 0: none. */
  degraded(part: string, count: number): void
  setBans(edge: string, counts: Readonly<Record<string, number>>): void
  setRoom(edge: string, room: Readonly<Record<string, number>>): void
  setQueue(counts: Readonly<Record<string, number>>): void
  /** Runs before each scrape, for gauges that are cheaper to look up than to keep; its failure leaves the old values. */
  beforeScrape(refresh: () => Promise<void>): void
  /** The text format of Prometheus; `contentType` goes with it. */
  text(): Promise<string>
  readonly contentType: string
}

// Beyond these a scrape-based alert cannot tell anything apart any more.
const SETTLE_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const ALERT_BUCKETS = [0.1, 0.5, 1, 2.5, 5, 15, 60, 300, 1800, 7200, 86400]

/** `processMetrics: false` leaves out those of the process (memory, CPU, event loop). */
export function createMetrics(options: { processMetrics?: boolean } = {}): Metrics {
  const registry = new Registry()
  const registers = [registry]
  if (options.processMetrics !== false) collectDefaultMetrics({ register: registry })
  const counter = (name: string, help: string, ...labelNames: string[]) =>
    new Counter({ name: `portcullis_${name}`, help, labelNames, registers })
  const gauge = (name: string, help: string, ...labelNames: string[]) =>
    new Gauge({ name: `portcullis_${name}`, help, labelNames, registers })
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name: `portcullis_${name}`, help, buckets, registers })

  const webhooks = counter('webhooks_total', 'Webhook deliveries by what became of them.', 'result')
  const missing = counter('alerts_missing_total', 'Alerts that a delivery counted but did not carry.')
  const alerts = counter('alerts_total', 'Concluded alerts by outcome.', 'outcome')
  const refusals = counter('refusals_total', 'Suspects that were not banned, by reason.', 'reason')
  const passes = counter('edge_passes_total', 'Settle passes by result.', 'edge', 'result')
  const calls = counter('cloudflare_requests_total', 'Calls to the Cloudflare API.', 'method', 'status')
  const settled = histogram('settle_duration_seconds', 'How long a settle pass took.', SETTLE_BUCKETS)
  const answered = histogram('alert_duration_seconds', 'From accepting an alert to its conclusion.', ALERT_BUCKETS)
  const bans = gauge('bans', 'Bans by edge and state.', 'edge', 'state')
  const room = gauge(
    'edge_room',
    'Room of an edge: used and limit (characters of a rule, items of a list), and the bans that wait for some.',
    'edge',
    'kind',
  )
  const queue = gauge('queue_jobs', 'Jobs by state.', 'state')
  const last = gauge('last_settle_timestamp_seconds', 'When the last pass that succeeded ended.', 'edge')
  const degraded = gauge('degraded', 'Parts that do not work with us.', 'part')

  const refreshers: (() => Promise<void>)[] = []
  const seenStates = new Map<string, ReadonlySet<string>>()
  return {
    webhook: (result) => webhooks.inc({ result: word(result) }),
    missing: (count) => missing.inc(Math.max(0, count)),
    alert(outcome, seconds) {
      alerts.inc({ outcome: word(outcome) })
      if (seconds !== null) answered.observe(seconds)
    },
    refusal: (reason) => refusals.inc({ reason: word(reason) }),
    pass(edge, result, seconds) {
      passes.inc({ edge, result: word(result) })
      if (seconds !== null) settled.observe(seconds)
    },
    setLastSettle: (edge, at) => last.set({ edge }, at.getTime() / 1000),
    cloudflareCall: (method, status) => calls.inc({ method: word(method), status: word(status) }),
    degraded: (part, count) => degraded.set({ part: word(part) }, count),
    setBans(edge, counts) {
      // A state that nobody is in any more is 0, not what it was.
      const states = new Set([...(seenStates.get(edge) ?? []), ...Object.keys(counts)])
      seenStates.set(edge, states)
      setEach(bans, { edge }, 'state', { ...Object.fromEntries([...states].map((state) => [state, 0])), ...counts })
    },
    setRoom: (edge, counts) => setEach(room, { edge }, 'kind', counts),
    setQueue: (counts) => setEach(queue, {}, 'state', counts),
    beforeScrape: (refresh) => void refreshers.push(refresh),
    async text() {
      await Promise.allSettled(refreshers.map((refresh) => refresh()))
      return registry.metrics()
    },
    contentType: registry.contentType,
  }
}

function setEach(
  gauge: Gauge,
  labels: Readonly<Record<string, string>>,
  label: string,
  counts: Readonly<Record<string, number>>,
): void {
  for (const [key, count] of Object.entries(counts)) gauge.set({ ...labels, [label]: word(key) }, count)
}

/** Each new label value is a new series for ever: what is no short word of ours becomes `other`. */
function word(value: string | number): string {
  const text = String(value)
  return /^[A-Za-z][A-Za-z_-]{0,39}$|^\d{3}$/.test(text) ? text : 'other'
}
