import { deepEqual, doesNotMatch, equal, match } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createMetrics, type Metrics } from '../../src/metrics.ts'

const sample = async (metrics: Metrics, series: string): Promise<string | undefined> =>
  (await metrics.text())
    .split('\n')
    .find((line) => line.startsWith(`${series} `))
    ?.slice(series.length + 1)

describe('metrics', () => {
  it('have the documented names and labels', async () => {
    const metrics = createMetrics({ processMetrics: false })
    metrics.webhook('accepted')
    metrics.alert('blocked', 0.3)
    metrics.refusal('allowlisted')
    metrics.pass('shop', 'settled', 0.2)
    metrics.setLastSettle('shop', new Date(1_700_000_000_000))
    metrics.cloudflareCall('PUT', 429)
    metrics.degraded('cloudflare', 1)
    metrics.setBans('shop', { held: 3, waiting: 1 })
    metrics.setRoom('shop', { used: 100, free: 3996 })
    metrics.setQueue({ waiting: 7 })
    for (const [series, value] of [
      ['portcullis_webhooks_total{result="accepted"}', '1'],
      ['portcullis_alerts_total{outcome="blocked"}', '1'],
      ['portcullis_refusals_total{reason="allowlisted"}', '1'],
      ['portcullis_bans{edge="shop",state="held"}', '3'],
      ['portcullis_bans{edge="shop",state="waiting"}', '1'],
      ['portcullis_edge_room{edge="shop",kind="free"}', '3996'],
      ['portcullis_edge_passes_total{edge="shop",result="settled"}', '1'],
      ['portcullis_cloudflare_requests_total{method="PUT",status="429"}', '1'],
      ['portcullis_settle_duration_seconds_count', '1'],
      ['portcullis_alert_duration_seconds_sum', '0.3'],
      ['portcullis_queue_jobs{state="waiting"}', '7'],
      ['portcullis_last_settle_timestamp_seconds{edge="shop"}', '1700000000'],
      ['portcullis_degraded{part="cloudflare"}', '1'],
    ] as const)
      equal(await sample(metrics, series), value, series)
  })

  it('never carry an address or free text as a label', async () => {
    const metrics = createMetrics({ processMetrics: false })
    metrics.refusal('192.0.2.1')
    metrics.alert('2001:db8::1', null)
    metrics.webhook('anything a sender may write')
    const text = await metrics.text()
    doesNotMatch(text, /192\.0\.2\.1|2001:db8|sender/)
    match(text, /portcullis_refusals_total\{reason="other"\} 1/)
  })

  it('of two instances do not mix', async () => {
    const [one, two] = [createMetrics({ processMetrics: false }), createMetrics({ processMetrics: false })]
    one.refusal('private')
    deepEqual(
      [
        await sample(one, 'portcullis_refusals_total{reason="private"}'),
        await sample(two, 'portcullis_refusals_total{reason="private"}'),
      ],
      ['1', undefined],
    )
  })

  it('include those of the process', async () => match(await createMetrics().text(), /^process_cpu_seconds_total /m))

  it('are refreshed before a scrape, and survive a refresh that fails', async () => {
    const metrics = createMetrics({ processMetrics: false })
    metrics.beforeScrape(async () => metrics.setQueue({ failed: 2 }))
    metrics.beforeScrape(() => Promise.reject(new Error('store down')))
    equal(await sample(metrics, 'portcullis_queue_jobs{state="failed"}'), '2')
  })
})
