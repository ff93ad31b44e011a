import { type CloudflareOptions, type SimulatedCloudflare, startCloudflare } from './cloudflare.ts'
import type { SimulatedZone, ZoneOptions } from './cloudflare-zone.ts'
import { type ElasticsearchOptions, type SimulatedElasticsearch, startElasticsearch } from './elasticsearch.ts'
import type { Alerts } from './elasticsearch-alerts.ts'
import { type SimulatedKibana, startKibana } from './kibana.ts'
import { renderWebhook, type WebhookForm } from './kibana-webhook.ts'

export interface WorldOptions {
  /** Absent or 0: free ones. */
  readonly ports?: { readonly cloudflare?: number; readonly elasticsearch?: number; readonly kibana?: number }
  readonly cloudflare?: Omit<CloudflareOptions, 'port' | 'zones' | 'account'>
  /** Lists allowed in the account, `office` among them; absent: 10. */
  readonly listQuota?: number
  readonly elasticsearch?: Omit<ElasticsearchOptions, 'port'>
  /** Absent: 5. */
  readonly ruleQuota?: number
  /** The rules that the zone starts with; absent: three foreign ones and the old form of ours; null: no entry point. */
  readonly rules?: readonly Record<string, unknown>[] | null
  /** Zones beside `shop.example`; the environment does not name them. */
  readonly moreZones?: readonly ZoneOptions[]
}

/** A small company: a zone with a history, a cluster with alerts, and the Kibana that sends them. */
export interface World {
  readonly cloudflare: SimulatedCloudflare
  readonly zone: SimulatedZone
  readonly elasticsearch: SimulatedElasticsearch
  readonly kibana: SimulatedKibana
  readonly alerts: Alerts
  /** The body that Kibana's connector sends for these alerts. */
  webhook(ids: readonly string[], form?: WebhookForm): string
  /** What Portcullis is to be started with, but for its own secrets. */
  environment(): Record<string, string>
  close(): Promise<void>
}

/** The addresses that the rule holds at the start, in the form in which people add them one by one. */
export const HELD_AT_FIRST = ['198.51.100.7', '198.51.100.23', '203.0.113.99'] as const

export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const rules = options.rules === undefined ? startingRules() : options.rules
  const cloudflare = await startCloudflare({
    ...options.cloudflare,
    ...(options.ports?.cloudflare ? { port: options.ports.cloudflare } : {}),
    account: {
      id: '023e105f4ecef8ad9ca31a8372d0c353',
      listQuota: options.listQuota ?? 10,
      lists: [{ name: 'office', items: [{ value: '192.0.2.64/28', comment: 'the office' }] }],
    },
    zones: [
      {
        id: '0da42c8d2132a9ddaf714f9e7c920711',
        name: 'shop.example',
        ruleQuota: options.ruleQuota ?? 5,
        ...(rules ? { rules } : {}),
      },
      ...(options.moreZones ?? []),
    ],
  })
  const elasticsearch = await startElasticsearch({
    ...options.elasticsearch,
    ...(options.ports?.elasticsearch ? { port: options.ports.elasticsearch } : {}),
  })
  const { alerts, spaces } = elasticsearch
  const kibana = await startKibana({ alerts, spaces, ...(options.ports?.kibana ? { port: options.ports.kibana } : {}) })
  const zone = cloudflare.zone('shop.example')
  return {
    cloudflare,
    zone,
    elasticsearch,
    kibana,
    alerts,
    webhook: (ids, form = 'full') => renderWebhook(alerts, ids, form),
    environment: () => ({
      CLOUDFLARE_API_URL: cloudflare.url,
      CLOUDFLARE_API_TOKEN: cloudflare.token,
      CLOUDFLARE_ZONE_ID: `shop=${zone.id}`,
      CLOUDFLARE_ACCOUNT_ID: cloudflare.account.id,
      ELASTICSEARCH_URL: elasticsearch.url,
      ELASTICSEARCH_API_KEY: elasticsearch.apiKey,
      KIBANA_URL: kibana.url,
      KIBANA_API_KEY: kibana.apiKey,
      ELASTIC_SPACE: [...spaces].join(','),
      ALLOW_DOCUMENTATION_RANGES: 'true',
    }),
    async close() {
      await Promise.all([cloudflare.close(), elasticsearch.close(), kibana.close()])
    },
  }
}

/** Foreign rules with everything that a rule may carry, and some fields that no documentation knows. */
function startingRules(): Record<string, unknown>[] {
  return [
    {
      action: 'skip',
      action_parameters: { ruleset: 'current', phases: ['http_ratelimit'], products: ['bic', 'hot'] },
      description: 'monitoring is never stopped',
      enabled: true,
      expression: '(ip.src in {192.0.2.200 2001:db8:aa::/48}) and http.request.uri.path eq "/healthz"',
      logging: { enabled: true },
      ref: 'monitoring_skip',
    },
    {
      action: 'block',
      action_parameters: {
        response: { status_code: 451, content: '{"error":"not here (really)"}', content_type: 'application/json' },
      },
      description: 'no admin from outside',
      enabled: true,
      expression:
        '(starts_with(http.request.uri.path, "/wp-admin") and not ip.src in $office) or http.host eq "a) or (b"',
      x_unknown_field: { nested: [1, 2.5, null, 'ü'], flag: false },
    },
    {
      action: 'block',
      description: 'webserver scanning block',
      enabled: true,
      expression: HELD_AT_FIRST.map((address) => `(ip.src eq ${address})`).join(' or '),
    },
    {
      action: 'managed_challenge',
      description: 'logins, slowly',
      enabled: false,
      expression: 'http.request.uri.path eq "/login" and http.request.method eq "POST"',
      ratelimit: {
        characteristics: ['ip.src', 'cf.colo.id'],
        period: 60,
        requests_per_period: 20,
        mitigation_timeout: 600,
        counting_expression: '',
      },
      exposed_credential_check: {
        username_expression: 'url_decode(http.request.body.form["u"][0])',
        password_expression: 'p',
      },
    },
  ]
}
