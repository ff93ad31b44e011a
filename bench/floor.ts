import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { Pool } from 'undici'
import { serveParent } from './child.ts'

/*
 * The floor: the same webhooks in, the same three calls out, and nothing durable in between. What arrives during a round
 * goes into the next. It knows neither guards nor colleagues, and forgets everything when it ends.
 */

const env = process.env
const secret = `Bearer ${env.WEBHOOK_SECRET}`
const zone = String(env.CLOUDFLARE_ZONE_ID).split('=').at(-1)
const cloudflare = new URL(String(env.CLOUDFLARE_API_URL))
const entryPoint = `${cloudflare.pathname}/zones/${zone}/rulesets/phases/http_request_firewall_custom/entrypoint`
const edge = new Pool(cloudflare.origin, { connections: 4 })
const siem = new Pool(String(env.ELASTICSEARCH_URL), { connections: 4 })

interface Rule {
  readonly description: string
  readonly [field: string]: unknown
}

let pending: { id: string; address: string }[] = []
const seen = new Set<string>()
const blocked: string[] = []
let running = false

async function work(): Promise<void> {
  if (running) return
  running = true
  while (pending.length > 0) {
    const batch = pending
    pending = []
    await block(batch.map(({ address }) => address))
    await acknowledge(batch.map(({ id }) => id))
  }
  running = false
}

async function block(addresses: readonly string[]): Promise<void> {
  const { rules } = (await cloudflareCall('GET')) as { rules: Rule[] }
  blocked.push(...addresses)
  const expression = `(ip.src in {${[...new Set(blocked)].join(' ')}})`
  const changed = rules.map(({ version, last_updated, ...rule }) =>
    rule.description === 'webserver scanning block' ? { ...rule, expression } : rule,
  )
  await cloudflareCall('PUT', { rules: changed })
}

async function cloudflareCall(method: 'GET' | 'PUT', body?: unknown): Promise<unknown> {
  const headers = { authorization: `Bearer ${env.CLOUDFLARE_API_TOKEN}`, 'content-type': 'application/json' }
  const sent = body === undefined ? {} : { body: JSON.stringify(body) }
  const answer = await edge.request({ path: entryPoint, method, headers, ...sent })
  const { result, success } = (await answer.body.json()) as { result: unknown; success: boolean }
  if (!success) throw new Error(`Cloudflare answered ${answer.statusCode}`)
  return result
}

async function acknowledge(ids: readonly string[]): Promise<void> {
  const params = { status: 'acknowledged', tag: 'blocked', now: new Date().toISOString() }
  const answer = await siem.request({
    path: '/.alerts-security.alerts-default/_update_by_query?conflicts=proceed&refresh=true',
    method: 'POST',
    headers: { authorization: `ApiKey ${env.ELASTICSEARCH_API_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      query: { terms: { _id: ids } },
      script: { lang: 'painless', source: '// one line', params },
    }),
  })
  await answer.body.dump()
  if (answer.statusCode !== 200) throw new Error(`Elasticsearch answered ${answer.statusCode}`)
}

const app = express()
app.post('/webhooks/elastic', express.json({ limit: '32mb' }), (req, res) => {
  if (req.headers.authorization !== secret) return void res.status(401).json({ message: 'no' })
  for (const { _id, source } of req.body.alerts as { _id: string; source: { ip: string } }[]) {
    if (seen.has(_id)) continue
    seen.add(_id)
    pending.push({ id: _id, address: source.ip })
  }
  res.status(202).json({ message: randomUUID() })
  void work()
})
const server = createServer(app).listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  serveParent({ url: () => `http://127.0.0.1:${port}/webhooks/elastic` })
})
