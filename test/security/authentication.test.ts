import assert from 'node:assert/strict'
import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import { describe, it } from 'node:test'
import type { Request } from 'express'
import { createHttpAuth } from '../../src/http-auth.ts'
import { startOps, TOKEN } from '../ops/harness.ts'
import { startReceiver } from '../receiver/harness.ts'

const SECRETS = ['first-secret', 'a-second-one-that-is-much-longer-than-the-first', 's'].map((value) => ({
  name: '',
  value,
}))
const NEAR = [
  'first-secret',
  'first-secreT',
  'first-secre',
  'first-secret2',
  'x',
  'x'.repeat(5_000),
  '\u0000',
  'ｆirst-secret',
]

describe('a secret', () => {
  it('is compared by digests of one length, each known one every time, whatever was sent', (t) => {
    const lengths: number[] = []
    const { timingSafeEqual } = crypto
    crypto.timingSafeEqual = (a, b) => {
      lengths.push(a.byteLength, b.byteLength)
      return timingSafeEqual(a, b)
    }
    syncBuiltinESMExports()
    t.after(() => {
      crypto.timingSafeEqual = timingSafeEqual
      syncBuiltinESMExports()
    })
    const auth = createHttpAuth(SECRETS)
    for (const secret of NEAR) {
      lengths.length = 0
      const known = auth.identify(requestWith(`Bearer ${secret}`))
      assert.equal(known?.value ?? null, secret === 'first-secret' ? secret : null)
      assert.deepEqual(lengths, Array(SECRETS.length * 2).fill(32), secret.slice(0, 20))
    }
  })

  it('is never an empty text, nor what is not in the header', () => {
    const auth = createHttpAuth([{ name: '', value: 'first-secret' }])
    for (const header of [
      '',
      'Bearer',
      'Bearer ',
      'Bearer   ',
      'Basic ',
      'Basic Og==',
      'Basic Zmlyc3Qtc2VjcmV0',
      'Digest first-secret',
      'first-secret',
    ])
      assert.equal(auth.identify(requestWith(header)), null, header)
  })
})

describe('guesses', () => {
  const PORTS = {
    async webhook(options: { trustProxy?: readonly string[] } = {}) {
      const receiver = await startReceiver(options)
      const url = `http://127.0.0.1:${receiver.port}/webhooks/elastic`
      return {
        ask: (headers: Record<string, string>) => status(url, { method: 'POST', body: '[]', headers }),
        stop: receiver.stop,
        secret: 'secret',
      }
    },
    async ops() {
      const own = await startOps()
      return {
        ask: (headers: Record<string, string>) => status(`${own.url}/api/status`, { headers }),
        stop: own.stop,
        secret: TOKEN,
      }
    },
  }
  const wrong = (n: number) => ({ authorization: `Bearer wrong-${n}` })

  for (const name of ['webhook', 'ops'] as const) {
    it(`are limited on the ${name} port, whatever address they say they come from, and shut out nobody who knows the secret`, async (t) => {
      const { ask, stop, secret } = await PORTS[name]()
      t.after(stop)
      const answers: number[] = []
      for (let n = 0; n < 30; n++) {
        const forged = {
          'x-forwarded-for': `203.0.113.${n}`,
          forwarded: `for=203.0.113.${n}`,
          'x-real-ip': `203.0.113.${n}`,
          'cf-connecting-ip': `203.0.113.${n}`,
        }
        answers.push(await ask({ ...wrong(n), ...forged }))
        const right = await ask({ authorization: `Bearer ${secret}`, 'content-type': 'application/json' })
        assert.ok(right < 300, `${right} for the right secret after ${n} guesses`)
      }
      assert.deepEqual(answers, [...Array(20).fill(401), ...Array(10).fill(429)])
    })
  }

  it('are counted by client behind a trusted proxy, of which only the last hop is believed', async (t) => {
    const { ask, stop } = await PORTS.webhook({ trustProxy: ['127.0.0.1'] })
    t.after(stop)
    const from = (client: string, n: number) => ask({ ...wrong(n), 'x-forwarded-for': client })
    for (let n = 0; n < 20; n++) assert.equal(await from(`198.51.100.${n}, 203.0.113.1`, n), 401)
    assert.equal(await from('198.51.100.99, 203.0.113.1', 21), 429)
    assert.equal(await from('203.0.113.1, 203.0.113.2', 22), 401)
  })

  it('are counted together for all addresses of one IPv6 customer', async (t) => {
    const { ask, stop } = await PORTS.webhook({ trustProxy: ['127.0.0.1'] })
    t.after(stop)
    const from = (client: string, n: number) => ask({ ...wrong(n), 'x-forwarded-for': client })
    for (let n = 0; n < 20; n++) assert.equal(await from(`2001:db8:1:${n}::${n}`, n), 401)
    assert.equal(await from('2001:db8:1:ff::1', 21), 429)
    assert.equal(await from('2001:db8:2::1', 22), 401)
  })

  it('do not tell by their answer how near they were', async (t) => {
    const receiver = await startReceiver()
    t.after(receiver.stop)
    const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
    const bodies = new Set<string>()
    for (const authorization of [
      'Bearer secre',
      'Bearer secrets',
      'Bearer x',
      basic('x:secre'),
      basic('secret'),
      'Basic !!',
      '',
    ])
      bodies.add(JSON.stringify((await receiver.send('[]', { authorization })).body))
    assert.equal(bodies.size, 1)
  })
})

async function status(url: string, init: RequestInit): Promise<number> {
  const answer = await fetch(url, init)
  await answer.arrayBuffer()
  return answer.status
}

function requestWith(authorization: string): Request {
  // As Node gives it: bytes as Latin-1.
  return { headers: { authorization: Buffer.from(authorization).toString('latin1') } } as Request
}
