import { deepEqual, equal } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { firstDuration } from '../../src/core/first-duration.ts'
import type { Playbook } from '../../src/core/playbook.ts'

const HOUR = 3600_000

const playbook = (file: string, durations: readonly (number | null)[], more: Partial<Playbook> = {}): Playbook => ({
  name: file,
  description: '',
  enabled: true,
  mode: 'enforce',
  triggers: [],
  consts: {},
  steps: [
    {
      name: 'block',
      type: 'cloudflare.block',
      if: null,
      onFailure: { continue: false, retry: null },
      durations,
      zones: null,
    },
  ],
  file,
  hash: '',
  ...more,
})

describe('the length of a ban by hand, where nobody says one', () => {
  it('is the first length of the first playbook that enforces', () => {
    const found = firstDuration([
      playbook('90-block.yaml', [HOUR, 24 * HOUR]),
      playbook('10-watch.yaml', [2 * HOUR], { mode: 'observe' }),
      playbook('20-off.yaml', [3 * HOUR], { enabled: false }),
      playbook('30-tell.yaml', [], { steps: [] }),
    ])
    deepEqual(found, { durationMs: HOUR, file: '90-block.yaml', observes: false })
  })

  it('is that of one that only observes where none enforces, which is said', () => {
    const found = firstDuration([
      playbook('10-watch.yaml', [2 * HOUR, HOUR], { mode: 'observe' }),
      playbook('90-block.yaml', [HOUR], { mode: 'observe' }),
    ])
    deepEqual(found, { durationMs: 2 * HOUR, file: '10-watch.yaml', observes: true })
  })

  it('may be for ever', () =>
    deepEqual(firstDuration([playbook('a.yaml', [null])]), { durationMs: null, file: 'a.yaml', observes: false }))

  it('is nowhere where no playbook blocks', () => equal(firstDuration([playbook('a.yaml', [], { steps: [] })]), null))
})
