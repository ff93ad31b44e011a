import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { startWorld } from '../../src/simulator/world.ts'
import { startAll, startService } from '../support/service.ts'
import { allAcknowledged } from '../support/service-burst.ts'
import { until } from '../support/stores-jobs.ts'

describe('people who rely on the service', () => {
  it('are told of many bans in one message, with the command that undoes them, and hear a heartbeat', async (t) => {
    const chat = await startChat(t)
    const { world, service } = await startAll(t, await freshPlace(t), {
      env: { NOTIFY_URL: `${chat.url}/hook`, HEARTBEAT_URL: `${chat.url}/beat` },
    })
    const ids = ['203.0.113.60', '203.0.113.61'].map((sourceIp) => world.alerts.add({ sourceIp }))
    assert.equal((await service.post(world.webhook(ids))).status, 202)
    await allAcknowledged(world, ids, 30_000)
    await until(() => chat.posts.length > 0, 30_000)
    const { text } = JSON.parse(chat.posts[0] ?? '') as { text: string }
    assert.match(text, /^Banned 2 addresses at shop\n/)
    assert.match(text, /\nportcullis unban 203\.0\.113\.6[01] 203\.0\.113\.6[01]$/)
    assert.equal(chat.beats(), 1)
  })

  it('lose no alert while the chat hangs, and hear of it when the service stops', async (t) => {
    const chat = await startChat(t)
    chat.hang(true)
    const world = await startWorld()
    t.after(() => world.close())
    const service = await startService(world, (await freshPlace(t)).config(), { NOTIFY_URL: `${chat.url}/hook` })
    const id = world.alerts.add({ sourceIp: '203.0.113.62' })
    assert.equal((await service.post(world.webhook([id]))).status, 202)
    await allAcknowledged(world, [id], 30_000)
    chat.hang(false)
    await service.stop()
    assert.equal(chat.posts.length, 1)
  })

  it('are not left with a message that can never be sent', async (t) => {
    const env = { NOTIFY_URL: 'https://chat.example/secret', NOTIFY_BODY: '{"text": "{{ notice.text }}"}' }
    await assert.rejects(startAll(t, await freshPlace(t), { env }), /NOTIFY_BODY cannot be used/)
  })
})

async function startChat(t: TestContext) {
  const posts: string[] = []
  let beats = 0
  let hangs = false
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    if (hangs) return
    if (request.url === '/beat') beats++
    else posts.push(body)
    response.writeHead(204).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const hang = (on: boolean) => {
    hangs = on
  }
  return { url, posts, beats: () => beats, hang }
}

async function freshPlace(t: TestContext) {
  const dataDir = await mkdtemp(join(tmpdir(), 'portcullis-tell-'))
  t.after(() => rm(dataDir, { recursive: true, force: true }))
  return { config: () => ({ store: { kind: 'embedded' } as const, dataDir }) }
}
