import { deepEqual, doesNotMatch, equal, match, ok } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ConfigError, readConfig } from '../../src/config.ts'
import { secretsOf } from '../../src/config-secrets.ts'
import { createRedactor } from '../../src/log-redact.ts'

const ENOUGH = {
  WEBHOOK_SECRET: 'w4Tq-webhook-1f9c',
  OPS_TOKEN: 'o8Zr-operator-77aa',
  CLOUDFLARE_API_TOKEN: 'c2Lm-cloudflare-90d',
  CLOUDFLARE_ZONE_ID: '0123456789abcdef0123456789abcdef',
}
const HOOK = 'https://discord.com/api/webhooks/1234/Zk3-the-token?thread=5'
const read = (more: Record<string, string> = {}) => readConfig({ ...ENOUGH, ...more })
const complaint = (more: Record<string, string>): string => {
  try {
    read(more)
  } catch (error) {
    ok(error instanceof ConfigError)
    return error.message
  }
  return ''
}

describe('the configuration of catch-up', () => {
  it('looks every five minutes unless told otherwise, and never at 0', () => {
    deepEqual(read().catchUp, { everyMs: 300_000, rules: [] })
    equal(read({ CATCH_UP_EVERY: '15s' }).catchUp.everyMs, 15_000)
    equal(read({ CATCH_UP_EVERY: '0' }).catchUp.everyMs, 0)
  })

  it('takes names and ids of rules', () =>
    deepEqual(read({ CATCH_UP_RULES: 'Web Server Local File Inclusion Activity, 8383a8d0-008b' }).catchUp.rules, [
      'Web Server Local File Inclusion Activity',
      '8383a8d0-008b',
    ]))

  it('refuses what is no interval', () => {
    for (const text of ['often', '5', '-1', 'forever', '30d'])
      match(complaint({ CATCH_UP_EVERY: text }), /CATCH_UP_EVERY\s+must look like 15s, 5m or 1h/)
  })

  it('needs an Elastic and an interval where nothing else brings alerts', () => {
    const kibana = { KIBANA_URL: 'https://kibana.example', KIBANA_API_KEY: 'k9Vn-kibana-6ea2' }
    equal(complaint({ RECEIVER: 'off', ...kibana }), '')
    match(complaint({ RECEIVER: 'off' }), /ELASTICSEARCH_URL\s+is required with RECEIVER=off/)
    match(complaint({ RECEIVER: 'off', CATCH_UP_EVERY: '0', ...kibana }), /CATCH_UP_EVERY\s+must not be 0/)
  })
})

describe('the configuration of messages', () => {
  it('is silent unless told otherwise, and has a body that most chats take', () => {
    const { notify, heartbeatUrl } = read()
    deepEqual([notify, heartbeatUrl], [null, null])
    deepEqual(read({ NOTIFY_URL: HOOK }).notify, { url: HOOK, body: '{"text": {{ notice.text | json }}}' })
  })

  it('keeps the address out of complaints and of the log', () => {
    const wrong = complaint({ NOTIFY_URL: 'discord.com/api/webhooks/1234/Zk3-the-token' })
    match(wrong, /NOTIFY_URL\s+must be an http or https URL/)
    doesNotMatch(wrong, /Zk3/)
    const config = read({ NOTIFY_URL: HOOK, HEARTBEAT_URL: 'https://hc-ping.com/5c1d-the-check' })
    const redact = createRedactor(secretsOf(config))
    const line = String(
      redact(`POST ${HOOK} failed: /api/webhooks/1234/Zk3-the-token?thread=5, https://hc-ping.com/5c1d-the-check`),
    )
    doesNotMatch(line, /Zk3|5c1d/)
  })
})
