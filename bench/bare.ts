import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createPostgresBackend, Queue } from 'bullmq'
import express from 'express'
import { Redis } from 'ioredis'
import { openEmbedded } from '../src/adapters/store-embedded.ts'
import { serveParent } from './child.ts'

/* Bare Express and BullMQ on the same store: every webhook is one `add`, answered when the job is durable. Nobody works on it. */

const queue = await openQueue(String(process.env.STORE_URL))

async function openQueue(store: string): Promise<Queue> {
  if (store !== 'embedded') return new Queue('bare', { connection: new Redis(store, { maxRetriesPerRequest: null }) })
  const { pool } = await openEmbedded(String(process.env.DATA_DIR), () => undefined)
  return new Queue('bare', { connection: pool }, createPostgresBackend) as unknown as Queue
}

const app = express()
app.post('/webhooks/elastic', express.json({ limit: '32mb' }), async (req, res) => {
  await queue.add('alert', req.body, { jobId: req.body.alerts[0]._id })
  res.status(202).json({ message: randomUUID() })
})
const server = createServer(app).listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  serveParent({ url: () => `http://127.0.0.1:${port}/webhooks/elastic` })
})
