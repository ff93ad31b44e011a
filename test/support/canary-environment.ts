import type { World } from '../../src/simulator/world.ts'
import { CANARIES } from './canary-secrets.ts'

/** One playbook that calls, with a secret wherever one can be, and one that blocks. */
export const canaryPlaybooks = (outside: string) => ({
  '10-tell.yaml': `version: "1"
name: Tell
consts: { token: "${CANARIES['a const of a playbook']}" }
triggers: [{ type: alert, rules: [Tell] }]
steps:
  - name: tell
    type: http
    with:
      url: "${outside}/step?key=${CANARIES['the query of an http step']}&token={{ consts.token }}"
      method: POST
      headers: { X-Api: "${CANARIES['a header of an http step']}", Authorization: "Bearer {{ consts.token }}" }
      body: { text: "{{ event.rule.name }}", token: "{{ consts.token }}" }
`,
  '20-block.yaml': `version: "1"
name: Block
triggers: [{ type: alert }]
steps:
  - { name: block, type: cloudflare.block, with: { duration: 1h } }
  - { name: acknowledge, type: security.setAlertStatus, with: { status: acknowledged } }
`,
})

/** All settings that hold a secret, each with its canary; `outside`: where chats, monitors and http steps are. */
export function canaryEnvironment(world: World, outside: string, more: Record<string, string>): Record<string, string> {
  world.cloudflare.tokens.set(CANARIES.CLOUDFLARE_API_TOKEN, world.cloudflare.tokens.get(world.cloudflare.token) ?? [])
  world.elasticsearch.apiKeys.set(CANARIES.ELASTICSEARCH_API_KEY, ['read', 'write', 'maintenance'])
  const [, host = ''] = outside.split('//')
  return {
    ...world.environment(),
    HOST: '127.0.0.1',
    WEBHOOK_SECRET: `kibana=${CANARIES.WEBHOOK_SECRET}`,
    OPS_TOKEN: `alice=${CANARIES.OPS_TOKEN}`,
    OPS_READ_TOKEN: CANARIES.OPS_READ_TOKEN,
    CLOUDFLARE_API_TOKEN: CANARIES.CLOUDFLARE_API_TOKEN,
    ELASTICSEARCH_API_KEY: CANARIES.ELASTICSEARCH_API_KEY,
    KIBANA_URL: '',
    KIBANA_API_KEY: '',
    MODE: 'enforce',
    MAX_BANS_PER_HOUR: '3',
    HTTP_PRIVATE_TARGETS: '127.0.0.1',
    HTTPS_PROXY: `http://user:${encodeURIComponent(CANARIES['HTTPS_PROXY, its password'])}@127.0.0.1:9`,
    NO_PROXY: 'example.org',
    NOTIFY_URL: `http://bot:${CANARIES['NOTIFY_URL, its password']}@${host}/services/${CANARIES['NOTIFY_URL, its path']}?a=b`,
    HEARTBEAT_URL: `${outside}/ping/${CANARIES['HEARTBEAT_URL, its path']}`,
    LOG_LEVEL: 'debug',
    ...more,
  }
}
