import { startWorld } from './world.ts'

/** Fixed, so that a `.env` pointing here stays right; next to the usual ports, so as not to take those. */
const PORTS = { cloudflare: 18443, elasticsearch: 19200, kibana: 15601 } as const

const world = await startWorld({ ports: PORTS, cloudflare: { latencyMs: 20 } }).catch(
  (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error
    console.error(
      `Another program has one of the ports ${Object.values(PORTS).join(', ')}: is the simulator running already?`,
    )
    process.exit(1)
  },
)
const ids = ['203.0.113.7', '203.0.113.8', '198.51.100.200'].map((sourceIp) => world.alerts.add({ sourceIp }))

console.log(`Cloudflare, Elasticsearch and Kibana are simulated on 127.0.0.1 until Ctrl-C. In .env:\n`)
for (const [name, value] of Object.entries(world.environment())) console.log(`${name}=${value}`)
console.log(`\nOpen alerts: ${ids.join(', ')}. What Kibana would send for the first of them:\n`)
console.log(`curl -H "Authorization: Bearer $WEBHOOK_SECRET" -H 'Content-Type: application/json' \\
  http://127.0.0.1:8080/webhooks/elastic --data-binary @- <<'ALERT'
${world.webhook(ids.slice(0, 1))}
ALERT`)

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void world.close())
