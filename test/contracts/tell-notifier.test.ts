import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { parseEnv } from 'node:util'
import { createPing } from '../../src/adapters/heartbeat.ts'
import { createNotifier, sampleNotices } from '../../src/adapters/notify.ts'
import { createTemplates } from '../../src/adapters/templates.ts'
import { PermanentError, RetryLaterError } from '../../src/errors.ts'

const NOTICES = sampleNotices(new Date('2026-05-01T12:00:00Z'))
const [NOTICE] = NOTICES as [(typeof NOTICES)[number]]
const DEFAULT = '{"text": {{ notice.text | json }}}'
const document = readFileSync('docs/notifications.md', 'utf8')

interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

describe('a notifier', () => {
  let server: Server
  let origin: string
  let seen: Seen[]
  let answer: { status: number; headers?: Record<string, string> }
  before(async () => {
    server = createServer(async (request, response) => {
      let body = ''
      for await (const chunk of request) body += chunk
      seen.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body })
      response.writeHead(answer.status, answer.headers).end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  after(() => {
    server.closeAllConnections()
    server.close()
  })
  const send = (
    body = DEFAULT,
    path = '/services/T0/very-secret?token=also-secret',
    as = { status: 204 } as typeof answer,
  ) => {
    seen = []
    answer = as
    return createNotifier({ url: origin + path, body, timeoutMs: 1_000 }).send(NOTICE)
  }

  it('posts JSON, once, to the whole address', async () => {
    await send()
    assert.equal(seen.length, 1)
    const [{ method, url, headers, body }] = seen as [Seen]
    assert.deepEqual([method, url], ['POST', '/services/T0/very-secret?token=also-secret'])
    assert.equal(headers['content-type'], 'application/json')
    assert.deepEqual(JSON.parse(body), { text: NOTICE.text })
  })

  it('posts plain text where the template makes no JSON, and nothing where it makes nothing', async () => {
    await send('{{ notice.title }}')
    assert.match(String(seen[0]?.headers['content-type']), /^text\/plain/)
    assert.equal(seen[0]?.body, NOTICE.title)
    await send('{% if notice.kind == "paused" %}x{% endif %}')
    assert.equal(seen.length, 0)
  })

  it('turns user and password of the address into a header', async () => {
    const { host } = new URL(origin)
    seen = []
    answer = { status: 200 }
    await createNotifier({ url: `http://me:p%40ss@${host}/x`, body: DEFAULT }).send(NOTICE)
    assert.equal(seen[0]?.headers.authorization, `Basic ${Buffer.from('me:p@ss').toString('base64')}`)
  })

  it('asks for patience, or says that trying again is of no use, and never says where to', async () => {
    const secretFree = (error: unknown) => !/secret/.test(String(error)) && /NOTIFY_URL/.test(String(error))
    const limited = { status: 429, headers: { 'retry-after': '7' } }
    const later = (error: unknown) => error instanceof RetryLaterError && error.retryAfterMs === 7_000
    await assert.rejects(send(DEFAULT, undefined, limited), (error) => later(error) && secretFree(error))
    for (const status of [302, 400, 401, 404])
      await assert.rejects(send(DEFAULT, undefined, { status }), (e) => e instanceof PermanentError && secretFree(e))
    const retryable = (error: unknown) => !(error instanceof PermanentError) && secretFree(error)
    await assert.rejects(send(DEFAULT, undefined, { status: 500 }), retryable)
    const gone = createNotifier({ url: 'http://127.0.0.1:9/very-secret', body: DEFAULT })
    await assert.rejects(gone.send(NOTICE), retryable)
  })

  it('refuses a template that would break, at the start', () => {
    const made = (body: string) => () => createNotifier({ url: origin, body })
    assert.throws(made('{"text": "{{ notice.text }}"}'), /NOTIFY_BODY cannot be used: what it makes is not JSON/)
    assert.throws(made('{{ notice.text | shout }}'), /NOTIFY_BODY cannot be used: .*shout/)
    assert.throws(made('{{ alert.id }}'), /NOTIFY_BODY cannot be used: it asks for alert/)
    assert.throws(made('{{ notice.text'), /NOTIFY_BODY cannot be used/)
  })

  it('pings a monitor without a word about us', async () => {
    seen = []
    answer = { status: 200 }
    await createPing(`${origin}/ping/uuid`)()
    assert.deepEqual(
      seen.map(({ method, url, body }) => [method, url, body]),
      [['GET', '/ping/uuid', '']],
    )
    answer = { status: 404 }
    await assert.rejects(createPing(`${origin}/ping/uuid`)(), /HEARTBEAT_URL/)
  })
})

describe('the examples in the documentation', () => {
  const examples = [...document.matchAll(/### (\w[\w ]*)\n[\s\S]*?```ini\n([\s\S]*?)```/g)].map(
    ([, name = '', text = '']) => ({ name, env: parseEnv(text) }),
  )
  const bodies = (name: string) => {
    const { env } = examples.find((each) => each.name === name) ?? assert.fail(`no example for ${name}`)
    const templates = createTemplates()
    return NOTICES.map((notice) => templates.render(String(env.NOTIFY_BODY), { notice }))
  }
  const fields = (name: string) => bodies(name).map((body) => JSON.parse(body) as Record<string, unknown>)

  it('can all be started with', () => {
    assert.deepEqual(
      examples.map(({ name }) => name),
      ['ntfy', 'Discord', 'Slack', 'Telegram', 'Plain text'],
    )
    for (const { env } of examples) createNotifier({ url: String(env.NOTIFY_URL), body: String(env.NOTIFY_BODY) })
    const [, only = ''] = /NOTIFY_BODY='(\{% unless[^\n]*)'\n/.exec(document) ?? []
    createNotifier({ url: 'https://example.org/', body: only })
  })

  it('give ntfy a topic, a text and a priority that it knows', () => {
    for (const { topic, title, message, priority } of fields('ntfy')) {
      assert.ok(topic && title && message)
      assert.ok([3, 4, 5].includes(Number(priority)))
    }
  })

  it('give Discord at most 2,000 characters that call nobody', () => {
    for (const { content, allowed_mentions } of fields('Discord')) {
      assert.ok(String(content).length <= 2000)
      assert.deepEqual(allowed_mentions, { parse: [] })
    }
  })

  it('give Slack a text without signs of its own', () => {
    for (const { text } of fields('Slack')) assert.doesNotMatch(String(text), /[<>]|&(?!amp;|lt;|gt;)/)
    assert.match(String(fields('Slack')[1]?.text), /&lt;!channel&gt;/)
  })

  it('give Telegram a chat and a text of at most 4,096 characters', () => {
    for (const { chat_id, text } of fields('Telegram')) assert.ok(chat_id && String(text).length <= 4096)
  })

  it('carry the command that undoes a ban', () => {
    for (const name of ['ntfy', 'Discord', 'Slack', 'Telegram', 'Plain text'])
      assert.match(bodies(name)[0] ?? '', /portcullis unban 203\.0\.113\.7 2001:db8::\/64/)
  })
})
