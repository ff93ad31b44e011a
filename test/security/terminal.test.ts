import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { guarded, terminal } from '../../src/cli/terminal.ts'
import { startServer, type WorldServer } from '../../src/simulator/world-server.ts'
import { runHere } from '../cli/here.ts'
import { banOf, startOps, TOKEN } from '../ops/harness.ts'

/** A rule's name, a reason, a comment: with all that moves a cursor, turns text round or begins a line. */
const FORGED =
  'x\n12:00:00 FORGED line\r\u001b[2J\u001b]0;title\u0007\u009b31m\u0085\u202e\u2066\u200b\u061c\ufeff\u2028'
const READ = ['status', 'bans', 'bans 192.0.2.7', 'why 192.0.2.7', 'history', 'allowed', 'bans export']
const ORDERS = [
  'ban 198.51.100.9 -d 1h -R x',
  'unban 198.51.100.9 -R x',
  'allow 192.0.2.200 -R x',
  'disallow 192.0.2.200',
  'adopt --duration 1h',
  'pause -R x',
  'resume',
  'replay --failed',
]

describe('the command line', () => {
  let ops: Awaited<ReturnType<typeof startOps>>
  let front: WorldServer
  before(async () => {
    ops = await startOps()
    await ops.putBans(banOf('192.0.2.7'))
    // Every text of every answer, as if somebody had got in everywhere.
    front = await startServer({
      latencyMs: () => 0,
      rateLimited: () => ({ status: 429, body: {} }),
      async handle({ method, path, query, headers, body }) {
        const { authorization = '', 'content-type': type = 'application/json' } = headers
        const url = `${ops.url}${path}${query.size > 0 ? `?${query}` : ''}`
        const init = body === '' ? {} : { body }
        const answer = await fetch(url, { method, headers: { authorization, 'content-type': type }, ...init })
        return { status: answer.status, body: forged(await answer.json()) }
      },
    })
  })
  after(async () => {
    await front.close()
    await ops.stop()
  })

  for (const line of [...ORDERS, ...READ])
    for (const format of ['', ' -o json'])
      it(`lets no text of others move the cursor or begin a line: ${line}${format}`, async () => {
        const words = `${line}${line.includes('export') ? '' : format}`.split(' ')
        const { out, err } = await runHere(words, { PORTCULLIS_URL: front.origin, OPS_TOKEN: TOKEN })
        const said = out + err
        assert.match(said, /FORGED/)
        assert.deepEqual([...new Set(said.match(/(?!\n)[\p{Cc}\p{Cf}\u2028\u2029]/gu))].map(code), [])
        // What became of several addresses is told on several lines, each of which is the service’s own.
        if (!line.startsWith('unban')) assert.doesNotMatch(said, /^12:00:00/m)
      })

  it('lets no text of others be hidden by a colour that it has not itself', () => {
    const said: string[] = []
    const screen = guarded({ ...terminal(), say: (text) => said.push(text) })
    const ours = '\u001b[1m\u001b[32mok\u001b[39m\u001b[22m\u001b[2m \u001b[31m!\u001b[33m?\u001b[39m\u001b[22m'
    screen.say(`${ours}\u001b[8mhidden\u001b[30m\u001b[0m`)
    assert.deepEqual(said, [`${ours}\\u001b[8mhidden\\u001b[30m\\u001b[0m`])
  })

  it('says the same in JSON as was answered', async () => {
    const { out } = await runHere(['history', '-o', 'json'], { PORTCULLIS_URL: front.origin, OPS_TOKEN: TOKEN })
    const { entries } = JSON.parse(out) as { entries: { by: string }[] }
    assert.ok(entries.length > 0 && entries.every(({ by }) => by.endsWith(FORGED)))
  })
})

function forged(value: unknown): unknown {
  if (typeof value === 'string') return `${value}${FORGED}`
  if (Array.isArray(value)) return value.map(forged)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, forged(inner)]))
}

function code(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16)}`
}
