import { deepEqual, doesNotMatch, equal, match, ok } from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Alert } from '../../src/core/alert.ts'
import { createEvents, type Events } from '../../src/events.ts'
import type { Log, LogFields } from '../../src/log.ts'
import { createMetrics, type Metrics } from '../../src/metrics.ts'

const ALERT: Alert = {
  id: 'a1',
  index: '',
  space: 'default',
  rule: { id: 'uuid-1', ruleId: 'static-1', name: 'Web Scan', tags: [] },
  severity: 'low',
  time: null,
  run: null,
  eventTime: false,
  suspects: ['192.0.2.1', '1.2.3.4) or (true', 'fe80::1%eth0', '2001:db8::1'],
  evidence: {},
}

interface Line {
  readonly level: string
  readonly message: string
  readonly fields: LogFields
}
function watched() {
  const lines: Line[] = []
  const at =
    (level: string) =>
    (message: string, fields: LogFields = {}) =>
      void lines.push({ level, message, fields })
  const log: Log = { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') }
  const metrics = createMetrics({ processMetrics: false })
  const events = createEvents({ log, metrics, now: () => new Date(1_700_000_000_000) })
  return { events, lines, metrics, last: () => lines.at(-1) ?? { level: '', message: '', fields: {} } }
}
const sample = async (metrics: Metrics, series: string): Promise<string | undefined> =>
  (await metrics.text())
    .split('\n')
    .find((line) => line.startsWith(`${series} `))
    ?.slice(series.length + 1)

const addresses = ['192.0.2.1', '2001:db8:1:2::/64']
const everything: { readonly [Name in keyof Events]: (events: Events) => void } = {
  webhook: (e) => e.webhook({ result: 'accepted', accepted: 1, duplicates: 0, unmatched: 0, invalid: 0, detail: '' }),
  incomplete: (e) => e.incomplete({ rule: 'Web Scan', total: 120, arrived: 100 }),
  accepted: (e) => e.accepted({ alert: ALERT }),
  decided: (e) => e.decided({ alert: ALERT, bans: addresses, refused: [{ refusal: 'private' }], observed: false }),
  refused: (e) => e.refused({ alert: ALERT, suspect: '10.0.0.1', refusal: 'private', detail: '' }),
  concluded: (e) => e.concluded({ alert: ALERT, outcome: 'blocked', seconds: 1.5, suspects: addresses }),
  parked: (e) => e.parked({ alert: ALERT, reason: 'edge-full' }),
  retried: (e) => e.retried({ alert: ALERT, error: new Error('no answer'), attempt: 2 }),
  passedOver: (e) => e.passedOver({ alert: ALERT, step: 'tell the team', error: new Error('404') }),
  gaveUp: (e) => e.gaveUp({ alert: ALERT, error: new Error('no answer') }),
  statusSet: (e) => e.statusSet({ alerts: 3, status: 'acknowledged', tag: 'blocked' }),
  alertClosedElsewhere: (e) => e.alertClosedElsewhere({ alert: ALERT }),
  pass: (e) => e.pass({ edge: 'shop', result: 'settled', ms: 120, wrote: true }),
  held: (e) => e.held({ edge: 'shop', addresses }),
  adopted: (e) => e.adopted({ edge: 'shop', addresses }),
  released: (e) => e.released({ edge: 'shop', addresses, by: 'a person' }),
  entriesWithdrawn: (e) => e.entriesWithdrawn({ edge: 'shop', version: 7, addresses }),
  staleCopyRepaired: (e) => e.staleCopyRepaired({ edge: 'shop', version: 7, addresses }),
  putBack: (e) => e.putBack({ edge: 'shop', version: 7, addresses }),
  contested: (e) => e.contested({ edge: 'shop' }),
  edgeState: (e) => e.edgeState({ edge: 'shop', state: 'edge-disabled', detail: 'switched off by hand' }),
  displaced: (e) => e.displaced({ edge: 'shop', addresses }),
  ended: (e) => e.ended({ addresses, how: 'ended' }),
  collided: (e) => e.collided({ edge: 'shop', version: 8, overwritten: 1 }),
  edgeFull: (e) => e.edgeFull({ edge: 'shop', waiting: 100 }),
  cloudflareCall: (e) => e.cloudflareCall({ method: 'GET', status: 200 }),
  degraded: (e) => e.degraded({ part: 'cloudflare', reason: 'it refused our token (403)' }),
  recovered: (e) => e.recovered({ part: 'cloudflare' }),
  playbooksLoaded: (e) => e.playbooksLoaded({ files: 2, order: ['10-a.yaml', '90-b.yaml'], never: ['95-c.yaml'] }),
  playbookBroken: (e) => e.playbookBroken({ file: '10-a.yaml', error: new Error('10-a.yaml:1:1: broken'), kept: true }),
  configWarning: (e) => e.configWarning({ message: 'ALLOWLIT is not known' }),
  started: (e) => e.started({ mode: 'observe', store: 'embedded', port: 8080 }),
  stopping: (e) => e.stopping(),
  stopped: (e) => e.stopped(),
  storeWarning: (e) => e.storeWarning({ message: 'maxmemory-policy is allkeys-lru' }),
  wouldAdopt: (e) => e.wouldAdopt({ edge: 'shop', addresses }),
  standing: (e) => e.standing({ edge: 'shop', held: 2, waiting: { 'edge-full': 1 }, used: 40, limit: 4096 }),
  unban: (e) => e.unban({ addresses, by: 'alice', reason: 'a customer' }),
  ordered: (e) => e.ordered({ kind: 'allowed', addresses, by: 'alice', reason: 'our office' }),
  paused: (e) => e.paused({ by: 'alice', until: null }),
  failed: (e) => e.failed({ what: 'catch-up', error: new Error('no answer') }),
}

describe('events', () => {
  it('are each a line that names its action and outcome', () => {
    const { events, lines, last } = watched()
    for (const [name, happen] of Object.entries(everything)) {
      const before = lines.length
      happen(events)
      ok(lines.length > before, name)
      match(String(last().fields['event.action']), /^[a-z-]+$/, name)
      match(String(last().fields['event.outcome']), /^(success|failure|unknown)$/, name)
    }
  })

  it('never throw, whatever they are given', () => {
    const { events, lines } = watched()
    for (const [name, report] of Object.entries(events)) {
      const given = report as (...given: unknown[]) => void
      for (const odd of [undefined, null, {}, { alert: null, addresses: 3, error: null }]) given(odd)
      ok(lines.length > 0, name)
    }
    const broken = () => {
      throw new Error('disk full')
    }
    const deaf = createEvents({
      log: { error: broken, warn: broken, info: broken, debug: broken },
      metrics: createMetrics({ processMetrics: false }),
    })
    for (const happen of Object.values(everything)) happen(deaf)
  })

  it('put only real addresses into the fields that Elastic types as addresses', () => {
    const { events, last } = watched()
    events.accepted({ alert: ALERT })
    deepEqual([last().fields['source.ip'], last().fields['related.ip']], ['192.0.2.1', ['192.0.2.1', '2001:db8::1']])
    events.held({ edge: 'shop', addresses: [...addresses, '1.2.3.4..1.2.3.9'] })
    deepEqual(last().fields['related.ip'], ['192.0.2.1', '2001:db8:1:2::'])
  })

  it('keep lines short however many addresses there are', () => {
    const { events, last } = watched()
    events.held({ edge: 'shop', addresses: Array.from({ length: 5000 }, (_, i) => `192.0.${i >> 8}.${i & 255}`) })
    match(last().message, /and 4995 more$/)
    ok(JSON.stringify(last()).length < 3000)
  })

  it('name the rule', () => {
    const { events, last } = watched()
    events.concluded({ alert: ALERT, outcome: 'blocked', seconds: 2, suspects: [] })
    const { fields } = last()
    deepEqual(
      [
        fields['rule.name'],
        fields['rule.id'],
        fields['rule.uuid'],
        fields['event.id'],
        fields['event.duration'],
        fields['event.reason'],
      ],
      ['Web Scan', 'static-1', 'uuid-1', 'a1', 2e9, 'blocked'],
    )
  })

  it('count', async () => {
    const { events, metrics } = watched()
    for (const happen of Object.values(everything)) happen(events)
    events.degraded({ part: 'elastic', reason: '401' })
    for (const [series, value] of [
      ['portcullis_webhooks_total{result="accepted"}', '1'],
      ['portcullis_alerts_missing_total', '20'],
      ['portcullis_refusals_total{reason="private"}', '1'],
      ['portcullis_alerts_total{outcome="blocked"}', '1'],
      ['portcullis_edge_passes_total{edge="shop",result="settled"}', '1'],
      ['portcullis_last_settle_timestamp_seconds{edge="shop"}', '1700000000'],
      ['portcullis_bans{edge="shop",state="edge-full"}', '1'],
      ['portcullis_edge_room{edge="shop",kind="used"}', '40'],
      ['portcullis_edge_room{edge="shop",kind="limit"}', '4096'],
      ['portcullis_edge_room{edge="shop",kind="waiting"}', '1'],
      ['portcullis_cloudflare_requests_total{method="GET",status="200"}', '1'],
      ['portcullis_degraded{part="elastic"}', '1'],
      ['portcullis_degraded{part="cloudflare"}', '0'],
    ] as const)
      equal(await sample(metrics, series), value, series)
  })

  it('do not count a failed pass as the last good one', async () => {
    const { events, metrics } = watched()
    events.pass({ edge: 'shop', result: 'failed', ms: 5, wrote: false })
    equal(await sample(metrics, 'portcullis_last_settle_timestamp_seconds{edge="shop"}'), undefined)
  })

  it('count degraded hosts together, for their names may come from alerts', async () => {
    const { events, metrics } = watched()
    events.degraded({ part: 'host:one.example', reason: '403' })
    events.degraded({ part: 'host:192.0.2.9', reason: '403' })
    events.recovered({ part: 'host:one.example' })
    equal(await sample(metrics, 'portcullis_degraded{part="host"}'), '1')
    doesNotMatch(await metrics.text(), /example|192\.0/)
  })

  it('write a state that goes on once, and its end', () => {
    const { events, lines } = watched()
    const state = (name: string) => events.edgeState({ edge: 'shop', state: name, detail: '' })
    for (const name of ['edge-disabled', 'edge-disabled', 'ok', 'ok']) state(name)
    for (const waiting of [5, 5, 6]) events.edgeFull({ edge: 'shop', waiting })
    for (const _ of [1, 2]) events.degraded({ part: 'elastic', reason: '401' })
    deepEqual(
      lines.map((line) => line.level),
      ['error', 'debug', 'info', 'debug', 'warn', 'debug', 'warn', 'error', 'debug'],
    )
  })

  it('that anybody can cause at will are quiet', () => {
    const { events, last } = watched()
    const webhook = (result: string) =>
      events.webhook({ result, accepted: 0, duplicates: 0, unmatched: 0, invalid: 0, detail: 'x' })
    webhook('rate-limited')
    equal(last().level, 'debug')
    webhook('unauthorized')
    equal(last().level, 'warn')
    webhook('store-down')
    equal(last().level, 'error')
  })
})
