import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { formatDuration, parseDuration } from '../../src/core/duration.ts'

describe('reading durations', () => {
  const reads = (text: string, ms: number | null | undefined) =>
    it(`reads ${JSON.stringify(text)} as ${ms}`, () => assert.equal(parseDuration(text), ms))

  reads('90s', 90_000)
  reads('30m', 1_800_000)
  reads('1h30m', 5_400_000)
  reads('24h', 86_400_000)
  reads('7d', 604_800_000)
  reads('1w', 604_800_000)
  reads('1w2d3h4m5s', 788_645_000)
  reads('36500d', 3_153_600_000_000)
  reads('forever', null)

  reads('', undefined)
  reads('0s', undefined)
  reads('36501d', undefined)
  reads('999999999w', undefined)
  reads('9999999999999999999999s', undefined)
  reads('1 day', undefined)
  reads('1h 30m', undefined)
  reads('30m1h', undefined)
  reads('1h1h', undefined)
  reads('1.5h', undefined)
  reads('-1h', undefined)
  reads('1H', undefined)
  reads('90', undefined)
  reads('Forever', undefined)
  reads('1h\n', undefined)
})

describe('writing durations', () => {
  const writes = (ms: number | null, text: string) =>
    it(`writes ${ms} as ${text}`, () => assert.equal(formatDuration(ms), text))

  writes(90_000, '1m30s')
  writes(5_400_000, '1h30m')
  writes(86_400_000, '1d')
  writes(604_800_000, '7d')
  writes(400, '0s')
  writes(59_999, '1m')
  writes(-5000, '0s')
  writes(null, 'forever')

  it('writes every whole second so that it reads back', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3_153_600_000 }),
        (s) => parseDuration(formatDuration(s * 1000)) === s * 1000,
      ),
    )
  })
})
