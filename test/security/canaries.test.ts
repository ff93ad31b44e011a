import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { startWorld } from '../../src/simulator/world.ts'
import { runHere } from '../cli/here.ts'
import { canaryEnvironment, canaryPlaybooks } from '../support/canary-environment.ts'
import { assertNoCanary, CANARIES, IN_PLAYBOOKS } from '../support/canary-secrets.ts'
import { dumpOf, startMain, startOutside } from '../support/canary-service.ts'
import { atEnd } from '../support/service.ts'
import { playbookFolder } from '../support/service-stage.ts'
import { until } from '../support/stores-jobs.ts'
import { findProgram, startRedis } from '../support/stores-servers.ts'

const skip = findProgram('redis-server') === null ? 'NOT TESTED: redis-server is not installed' : false
const PASSWORD = CANARIES['STORE_URL, its password']
const CLOUDFLARE = CANARIES.CLOUDFLARE_API_TOKEN
const html = (text: string) => `<html><body>You sent: ${text}</body></html>`

for (const format of ['ecs', 'pretty'])
  describe(`no secret of the configuration (LOG_FORMAT=${format})`, { skip }, () => {
    it('is in logs, metrics, pages, jobs, history, messages or the store, through success and every kind of failure', async (t) => {
      const redis = await startRedis(undefined, ['--requirepass', PASSWORD])
      atEnd(t, () => redis.stop())
      const world = await startWorld()
      atEnd(t, () => world.close())
      const outside = await startOutside()
      atEnd(t, () => outside.close())
      const folder = await playbookFolder(canaryPlaybooks(outside.origin))
      atEnd(t, () => rm(folder, { recursive: true, force: true }))
      const store = redis.url.replace('//', `//default:${encodeURIComponent(PASSWORD)}@`)
      const env = canaryEnvironment(world, outside.origin, {
        PLAYBOOKS_DIR: folder,
        STORE_URL: store,
        PORT: '0',
        OPS_PORT: '0',
        LOG_FORMAT: format,
      })
      const main = startMain(env)
      atEnd(t, () => main.stop())
      const { webhook, ops } = await main.started()
      const texts: Record<string, string> = {}

      const ask = async (where: string, path: string, token: string = CANARIES.OPS_TOKEN, body?: unknown) => {
        const answer = await fetch(path, {
          method: body === undefined ? 'GET' : 'POST',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
        })
        texts[`${where} ${Object.keys(texts).length}`] = `${[...answer.headers].join('\n')}\n${await answer.text()}`
        return answer.status
      }
      const send = async (sourceIp: string, ruleName: string) => {
        const id = world.alerts.add({ sourceIp, ruleName })
        assert.equal(await ask('the webhook’s answer', webhook, CANARIES.WEBHOOK_SECRET, world.webhook([id])), 202)
        return id
      }
      const ban = (address: string) =>
        ask('the answer to a ban', `${ops}/api/bans`, CANARIES.OPS_TOKEN, { address, duration: '1h', reason: 'x' })

      // All is well.
      const good = await send('198.51.100.1', 'Scan')
      await until(() => world.alerts.status(good) === 'acknowledged')
      await send('198.51.100.2', 'Tell')
      await until(() => outside.count('POST', '/step') >= 1)
      // Whoever knocks with a secret that is not for this door, or nearly right.
      for (const token of [CANARIES.WEBHOOK_SECRET, `${CANARIES.OPS_TOKEN}x`, CLOUDFLARE])
        await ask('a refusal', `${ops}/api/status`, token)
      await ask('a refusal', webhook, CANARIES.OPS_TOKEN, '[]')
      await ask('a refusal', webhook, CANARIES.WEBHOOK_SECRET, `{"a": "${CANARIES.WEBHOOK_SECRET.slice(0, 3)}`)
      // Cloudflare fails, and repeats what it was sent.
      const { faults } = world.cloudflare
      const refused = (message: string, code: number) => ({
        success: false,
        result: null,
        errors: [{ code, message }],
        messages: [],
      })
      const fault = { method: 'GET', path: 'entrypoint' }
      faults.next(fault, { kind: 'answer', status: 500, body: html(`Bearer ${CLOUDFLARE}`) })
      await ban('198.51.100.11')
      faults.next(fault, { kind: 'answer', status: 400, body: refused(`bad header: Bearer ${CLOUDFLARE}`, 1) })
      await ban('198.51.100.12')
      faults.next(fault, { kind: 'reset' }, 2)
      await ban('198.51.100.13')
      faults.next(fault, { kind: 'truncated' })
      await ban('198.51.100.14')
      faults.next(fault, { kind: 'rate-limit', retryAfter: 1 })
      await ban('198.51.100.15')
      faults.next(
        { method: 'PUT' },
        { kind: 'answer', status: 403, body: refused(`Authentication error: ${CLOUDFLARE}`, 10000) },
      )
      await ban('198.51.100.16')
      await main.says(/refused the token/)
      // http steps fail, and the chat and the monitor, too.
      const steps = { path: '/step' }
      const sent = [
        CANARIES['a header of an http step'],
        CANARIES['a const of a playbook'],
        CANARIES['the query of an http step'],
      ].join(' ')
      outside.faults.next(
        { path: '/services' },
        { kind: 'answer', status: 500, body: html(CANARIES['NOTIFY_URL, its path']) },
      )
      outside.faults.next({ path: '/ping' }, { kind: 'reset' })
      outside.faults.next(steps, { kind: 'answer', status: 500, body: html(sent) })
      await send('198.51.100.3', 'Tell')
      await main.says(/will be tried again/)
      outside.faults.next(steps, { kind: 'answer', status: 400, body: html(sent) })
      await send('198.51.100.4', 'Tell')
      await main.says(/is given up/)
      outside.faults.next(steps, { kind: 'answer', status: 401, body: html(sent) })
      await send('198.51.100.5', 'Tell')
      await main.says(/host:127\.0\.0\.1 does not work with us/)
      // Elastic fails, and repeats what it was sent.
      const reason = `unable to authenticate with provided credentials ApiKey ${CANARIES.ELASTICSEARCH_API_KEY}`
      world.elasticsearch.faults.next({}, { kind: 'answer', status: 500, body: html(reason) })
      world.elasticsearch.faults.next(
        {},
        {
          kind: 'answer',
          status: 401,
          body: { error: { reason }, status: 401 },
          headers: { 'x-elastic-product': 'Elasticsearch' },
        },
        100,
      )
      await send('198.51.100.1', 'Scan')
      await main.says(/elastic does not work with us/)

      // What people, monitors and thieves of a disk get to see.
      for (const path of [
        '/healthz',
        '/readyz',
        '/metrics',
        '/queues/',
        '/api/status',
        '/api/bans',
        '/api/history',
        '/api/allowlist',
        '/api/export',
        '/api/playbooks',
        '/api/why?address=198.51.100.1',
        '/api/nothing',
      ])
        assert.ok((await ask(path, `${ops}${path}`)) < 500, path)
      const jobs: string[] = []
      for (const state of ['latest', 'active', 'waiting', 'delayed', 'completed', 'failed']) {
        const where = `${ops}/queues/api/queues?activeQueue=alerts&status=${state}&page=1`
        await ask('the board', where)
        const answer = await fetch(where, { headers: { authorization: `Bearer ${CANARIES.OPS_TOKEN}` } })
        jobs.push(...[...(await answer.text()).matchAll(/"id":"([^"]+)"/g)].map(([, id]) => String(id)))
      }
      assert.ok(jobs.length > 3)
      for (const id of new Set(jobs))
        for (const more of ['', '/logs', '/flow']) await ask('a job', `${ops}/queues/api/queues/alerts/${id}${more}`)
      const operator = { ...env, PORTCULLIS_URL: ops }
      for (const line of ['status', 'history', 'bans', 'why 198.51.100.1', 'check'])
        for (const words of [line.split(' '), [...line.split(' '), '-o', 'json']]) {
          const { out, err } = await runHere(words, operator)
          texts[`portcullis ${words.join(' ')}`] = out + err
        }
      const dump = await dumpOf(store)
      await main.stop()
      texts['the log'] = main.output()
      // There was something to hide.
      assert.match(main.output(), /\[redacted\]|\*\*\*/)
      assertNoCanary({
        ...texts,
        messages: outside.bodies.filter((body) => body.includes('"kind"') || !body.includes('token')).join('\n'),
      })
      // The text of a playbook is kept while a job needs it, with whatever its author wrote into it.
      assertNoCanary({ 'the store': dump }, IN_PLAYBOOKS)
      const besidePlaybooks = dump.split('\n').filter((line) => !/^\S*playbooks/.test(line))
      assertNoCanary({ 'the store beside playbooks': besidePlaybooks.join('\n') })
    })
  })

describe('a process that cannot start', { skip }, () => {
  it('says why without a secret: a store that refuses the password, one that is away', {
    timeout: 120_000,
  }, async (t) => {
    const redis = await startRedis(undefined, ['--requirepass', 'another'])
    atEnd(t, () => redis.stop())
    const world = await startWorld()
    atEnd(t, () => world.close())
    const login = `//default:${encodeURIComponent(PASSWORD)}@`
    const stores = [redis.url.replace('//', login), `redis:${login}127.0.0.1:1`, `postgres:${login}127.0.0.1:1/x`]
    const begun = stores.map((store) =>
      startMain(canaryEnvironment(world, 'http://127.0.0.1:9', { STORE_URL: store, PORT: '0', OPS_PORT: '0' })),
    )
    for (const { stop } of begun) atEnd(t, stop)
    for (const { ended, output } of begun) {
      await ended
      assert.match(output(), /cannot start/)
      assertNoCanary({ 'its last words': output() })
    }
  })
})

describe('the hunt', () => {
  it('finds a secret as it is, in a URL, in JSON and in base64, alone or behind a name', () => {
    const basic = (text: string) => Buffer.from(text).toString('base64')
    for (const text of [
      PASSWORD,
      encodeURIComponent(PASSWORD),
      JSON.stringify(PASSWORD),
      basic(PASSWORD),
      basic(`u:${PASSWORD}`),
      basic(`us:${PASSWORD}`),
      basic(`usr:${PASSWORD}`),
    ])
      assert.throws(() => assertNoCanary({ it: `before ${text} behind` }), text)
    assertNoCanary({ it: 'nothing' })
  })
})
