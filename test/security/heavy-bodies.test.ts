import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib'

const CHILD = fileURLToPath(new URL('../support/fuzz-heavy-child.ts', import.meta.url))
/** The heap of the process that answers, MB: a container of half a GB has no more. */
const HEAP = 400
/** What a sender waits; on an idle machine none takes above two seconds. */
const MOST_MS = 60_000
const LIMIT = 64 * 1024 * 1024

const full = (piece: string, around: readonly [string, string]) => {
  const [before, behind] = around
  return before + piece.repeat(Math.floor((LIMIT - before.length - behind.length - 10) / piece.length)) + behind
}
const inField: readonly [string, string] = ['{"_id":"heavy","source":{"ip":"198.51.100.1"},"x":[', '0]}']
const BODIES: readonly (readonly [string, () => string])[] = [
  ['empty objects', () => full('{},', inField)],
  ['as many empty objects as are taken', () => inField[0] + '{},'.repeat(1_450_000) + inField[1]],
  ['numbers', () => full('1.5,', inField)],
  ['one key again and again', () => `${full('"k":1,', ['{"_id":"heavy",', ''])}"k":1}`],
  ['empty objects and a mistake at the end', () => `${full('{},', inField)}x`],
  ['empty objects in a text', () => JSON.stringify({ alerts: full('{},', ['[', '0]']).slice(0, LIMIT / 2) })],
  ['addresses joined by commas', () => full('1.1.1.1,', ['{"_id":"heavy","source":{"ip":"', '2.2.2.2"}}'])],
  ['backslashes', () => full('\\\\', ['"', ''])],
  ['line breaks', () => full('\n', ['', 'x'])],
]
const zeros = Buffer.alloc(500_000_000, ' ')
const fast = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }
const BOMBS: readonly (readonly [string, () => Buffer])[] = [
  ['gzip', () => gzipSync(zeros, { level: 1 })],
  ['deflate', () => deflateSync(zeros, { level: 1 })],
  ['br', () => brotliCompressSync(zeros, fast)],
]

describe(`a body as large as BODY_LIMIT allows, in a process with ${HEAP} MB`, () => {
  let child: ChildProcess
  let url = ''
  before(async () => {
    child = spawn(process.execPath, [`--max-old-space-size=${HEAP}`, CHILD], { stdio: ['pipe', 'pipe', 'inherit'] })
    const ended = once(child, 'exit').then(() => assert.fail('it ended before it listened'))
    const [line] = (await Promise.race([once(child.stdout ?? assert.fail(), 'data'), ended])) as [Buffer]
    ended.catch(() => undefined)
    url = `http://127.0.0.1:${Number(line)}/webhooks/elastic`
  })
  after(async () => {
    const ended = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : null
    child.stdin?.end()
    await ended
  })

  async function send(
    body: string | Buffer<ArrayBuffer>,
    encoding?: string,
  ): Promise<{ status: number; message: string; ms: number }> {
    const headers = { authorization: 'Bearer secret', 'content-type': 'application/json', connection: 'close' }
    const begun = performance.now()
    const answer = await fetch(url, {
      method: 'POST',
      body,
      headers: encoding ? { ...headers, 'content-encoding': encoding } : headers,
    })
    const { message } = (await answer.json()) as { message: string }
    return { status: answer.status, message, ms: performance.now() - begun }
  }

  for (const [what, body] of BODIES)
    it(`is answered in time, whatever it is full of: ${what}`, async (t) => {
      const { status, message, ms } = await send(body())
      t.diagnostic(`${what}: ${status} after ${Math.round(ms)} ms: ${message.slice(0, 100)}`)
      assert.ok(
        (what.startsWith('as many') ? status === 202 : status < 500) && ms < MOST_MS,
        `${status} after ${ms} ms`,
      )
    })

  for (const [encoding, bomb] of BOMBS)
    it(`is not inflated beyond the limit: half a GB in ${encoding}`, async (t) => {
      const { status, ms } = await send(Buffer.from(bomb()), encoding)
      t.diagnostic(`${encoding}: ${status} after ${Math.round(ms)} ms`)
      assert.equal(status, 413)
      assert.ok(ms < MOST_MS, `${ms} ms`)
    })

  it('leaves the process as good as new', async () => {
    const { status, message } = await send('{"_id":"one","source":{"ip":"198.51.100.1"}}')
    assert.deepEqual([status, message], [202, 'Alerts: 1 accepted'])
  })
})
