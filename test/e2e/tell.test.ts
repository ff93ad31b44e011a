import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { atEnd, freshPlace, type Service, startAll } from '../support/service.ts'
import { allAcknowledged } from '../support/service-burst.ts'
import { until } from '../support/stores-jobs.ts'

describe('people who rely on the service', () => {
  it('are told of many bans in one message, with the command that undoes them, and hear a heartbeat', async (t) => {
    const chat = await startChat(t)
    const { world, service } = await startAll(t, freshPlace(t), {
      env: { NOTIFY_URL: `${chat.url}/hook`, HEARTBEAT_URL: `${chat.url}/beat` },
    })
    await until(() => chat.beats() > 0)
    await service.app.tick()
    // One pass finds both: on a slow machine two passes may be further apart than what is told together.
    const gate = world.cloudflare.faults.hold({ method: 'GET', path: 'entrypoint' })
    const ids = ['203.0.113.60', '203.0.113.61'].map((sourceIp) => world.alerts.add({ sourceIp }))
    assert.equal((await service.post(world.webhook(ids))).status, 202)
    await until(async () => (await bansOfAlerts(service)).length === ids.length)
    gate.open()
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
    const { world, service } = await startAll(t, freshPlace(t), { env: { NOTIFY_URL: `${chat.url}/hook` } })
    const blocked = async (sourceIp: string) => {
      const id = world.alerts.add({ sourceIp })
      assert.equal((await service.post(world.webhook([id]))).status, 202)
      await allAcknowledged(world, [id], 30_000)
    }
    await blocked('203.0.113.62')
    await until(() => chat.hung() > 0)
    await blocked('203.0.113.63')
    chat.hang(false)
    await until(() => chat.posts.length > 0, 60_000)
    await service.stop()
    assert.deepEqual(
      chat.posts.map((post) => /203\.0\.113\.\d+/.exec(post)?.[0]),
      ['203.0.113.62', '203.0.113.63'],
    )
  })

  it('are not left with a message that can never be sent', async (t) => {
    const env = { NOTIFY_URL: 'https://chat.example/secret', NOTIFY_BODY: '{"text": "{{ notice.text }}"}' }
    await assert.rejects(startAll(t, freshPlace(t), { env }), /NOTIFY_BODY cannot be used/)
  })
})

async function startChat(t: TestContext) {
  const posts: string[] = []
  let beats = 0
  let hangs = false
  let hung = 0
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    if (hangs) return void hung++
    if (request.url === '/beat') beats++
    else posts.push(body)
    response.writeHead(204).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  atEnd(t, () => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  /** Once it hangs no longer, the calls that did are broken off. */
  const hang = (on: boolean) => {
    hangs = on
    if (!on) server.closeAllConnections()
  }
  return { url, posts, beats: () => beats, hung: () => hung, hang }
}

async function bansOfAlerts(service: Service): Promise<unknown[]> {
  return ((await service.order('GET', '/api/bans?origin=alert')) as { bans: unknown[] }).bans
}
