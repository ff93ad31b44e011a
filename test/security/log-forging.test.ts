import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Alert } from '../../src/core/alert.ts'
import { createEvents } from '../../src/events.ts'
import { createLog } from '../../src/log.ts'
import { createMetrics } from '../../src/metrics.ts'

const FORGERS = [
  '\n12:00:00 info  FORGED all is well',
  '\r\u001b[2K',
  '\u001b]8;;https://evil.example\u0007x\u001b]8;;\u0007',
  '\u009b31m\u0085\u0090\u009f',
  '\u202etxet\u202c\u2066\u2069\u200e\u200f\u061c',
  '\u200b\u200d\ufeff\u00ad\u180e',
  '\u2028\u2029',
  '\u{e0041}\u{e007f}',
  '\u0000\u007f\b',
  '"},{"message":"FORGED"}\n{"message":"FORGED"}',
  '%s%o\\n',
]
const hostile = fc.oneof(fc.constantFrom(...FORGERS), fc.string({ unit: 'binary', maxLength: 30 }))
const anything = fc.array(hostile, { maxLength: 3 }).map((parts) => `x${parts.join('y')}`)

for (const format of ['ecs', 'pretty'] as const) {
  describe(`an alert whose fields forge logs (${format})`, () => {
    it('is one line each time something happens to it, without a character that moves a cursor or hides', () =>
      fc.assert(
        fc.property(anything, anything, anything, (id, name, suspect) => {
          const { events, text } = logging(format)
          const alert = { ...ALERT, id, rule: { ...ALERT.rule, id: name, name }, space: name, suspects: [suspect] }
          const happenings = [
            () => events.accepted({ alert, playbook: name }),
            () => events.decided({ alert, bans: [suspect], refused: [{ refusal: 'malformed' }], observed: false }),
            () => events.refused({ alert, suspect, refusal: 'malformed', detail: name }),
            () => events.concluded({ alert, outcome: 'malformed', seconds: 1, suspects: [suspect] }),
            () => events.parked({ alert, reason: name }),
            () => events.retried({ alert, error: new Error(name), attempt: 1 }),
            () => events.gaveUp({ alert, error: Object.assign(new TypeError(name), { [name]: suspect }) }),
            () => events.alertClosedElsewhere({ alert }),
            () => events.webhook({ ...NOTHING, result: 'invalid', detail: name }),
            () => events.incomplete({ rule: name, total: 2, arrived: 1 }),
            () => events.degraded({ part: `host:${name}`, reason: suspect }),
            () => events.unban({ addresses: [suspect], by: name, reason: suspect }),
            () => events.ordered({ kind: 'banned', addresses: [suspect], by: name, reason: suspect }),
            () => events.failed({ what: name, error: new Error(suspect) }),
          ]
          for (const happen of happenings) happen()
          const lines = text().split('\n')
          assert.equal(lines.pop(), '')
          assert.equal(lines.length, happenings.length)
          for (const line of lines) {
            assert.doesNotMatch(line, /[\p{Cc}\p{Cf}\u2028\u2029]/u)
            assert.doesNotMatch(line, /^12:00:00 info {2}FORGED/)
          }
          // Escaped, not lost: whoever searches finds the text that came.
          if (format === 'ecs') assert.ok(lines.map(parsed).some(({ message }) => message.includes(id.toWellFormed())))
        }),
        { numRuns: 150 },
      ))
  })
}

function logging(format: 'ecs' | 'pretty') {
  const chunks: string[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(String(chunk))
      done()
    },
  })
  const log = createLog({ level: 'debug', format, secrets: [], colour: false, stream })
  const events = createEvents({ log, metrics: createMetrics({ processMetrics: false }) })
  return { events, text: () => chunks.join('') }
}

function parsed(line: string): { message: string } {
  return JSON.parse(line) as { message: string }
}

const NOTHING = { accepted: 0, duplicates: 0, unmatched: 0, invalid: 1 }
const ALERT: Alert = {
  id: 'a1',
  index: '',
  space: 'default',
  rule: { id: 'r', ruleId: 'r', name: 'r', tags: [] },
  severity: 'high',
  time: '2026-03-01T00:00:00.000Z',
  run: null,
  eventTime: true,
  suspects: [],
  evidence: {},
}
