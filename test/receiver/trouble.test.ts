import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StoreError } from '../../src/errors.ts'
import { listen } from '../../src/receiver/listen.ts'
import { startReceiver } from './harness.ts'

const ONE = '{"_id":"one","source":{"ip":"198.51.100.1"}}'

describe('the webhook port, when not all is well', () => {
  async function answerOf(overrides: Parameters<typeof startReceiver>[0], body = ONE) {
    const receiver = await startReceiver(overrides)
    const answer = await receiver.send(body).finally(receiver.stop)
    return { ...answer, results: receiver.results }
  }

  it('asks to come back when the store is down', async () => {
    const refusing = async () => {
      throw new StoreError('redis://user:password@host')
    }
    for (const overrides of [
      { accept: refusing },
      { storeReady: () => false },
      { storeReady: refusing },
      { queueRoom: refusing },
    ]) {
      const { status, headers, body, results } = await answerOf(overrides)
      equal(status, 503)
      equal(headers.get('retry-after'), '10')
      ok(!body.message.includes('password'))
      deepEqual(results, ['store-down'])
    }
  })

  it('asks to come back when the queue is full', async () => {
    const { status, headers, results } = await answerOf({ queueRoom: () => false })
    equal(status, 429)
    equal(headers.get('retry-after'), '30')
    deepEqual(results, ['queue-full'])
  })

  it('gives nothing away about a fault of ours', async () => {
    const { status, body, results } = await answerOf({
      accept: async () => {
        throw new TypeError('secret detail')
      },
    })
    equal(status, 500)
    ok(!body.message.includes('secret detail'))
    deepEqual(results, ['failed'])
  })

  it('names the setting when its port is taken', async (t) => {
    const receiver = await startReceiver()
    t.after(receiver.stop)
    const again = listen(() => {}, { host: '127.0.0.1', port: receiver.port, settings: 'OPS_HOST and OPS_PORT' })
    await rejects(
      again,
      /^Error: Nothing can listen at .*: another program has this port\. Look at OPS_HOST and OPS_PORT/,
    )
  })

  it('limits guesses at the secret, never those who know it', async (t) => {
    const receiver = await startReceiver()
    t.after(receiver.stop)
    const statuses = []
    for (let attempt = 0; attempt < 25; attempt++) {
      statuses.push((await receiver.send('x', { authorization: `Bearer ${attempt}` })).status)
    }
    deepEqual(statuses, [...Array(20).fill(401), ...Array(5).fill(429)])
    const limited = await receiver.send('x', { authorization: '' })
    equal(limited.headers.get('retry-after'), '60')
    equal((await receiver.send(ONE)).status, 202)
  })

  it('counts guesses by the client behind a trusted proxy', async (t) => {
    const receiver = await startReceiver({ trustProxy: ['127.0.0.1'] })
    t.after(receiver.stop)
    const guess = async (client: string) =>
      (await receiver.send('x', { authorization: '', 'x-forwarded-for': client })).status
    for (let attempt = 0; attempt < 20; attempt++) await guess('203.0.113.1')
    equal(await guess('203.0.113.1'), 429)
    equal(await guess('203.0.113.2'), 401)
  })
})
