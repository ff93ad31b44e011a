import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Happening, Notice } from '../../src/core/notice.ts'
import { PermanentError, RetryLaterError } from '../../src/errors.ts'
import { createTeller } from '../../src/pipeline/tell.ts'
import { manualClock } from '../support/manual-clock.ts'

const ban = (...subjects: string[]): Happening => ({ kind: 'ban', edge: 'shop', subjects, detail: '' })
const full: Happening = { kind: 'edge-full', edge: 'shop', subjects: [], detail: '1 ban waits.' }

describe('telling people', () => {
  it('puts what happens together into one message', async () => {
    const { clock, teller, sent } = stage()
    for (let n = 0; n < 50; n++) teller.tell(ban(`203.0.113.${n}`))
    await clock.advance(2_000)
    assert.deepEqual(
      sent.map(({ title }) => title),
      ['Banned 50 addresses at shop'],
    )
  })

  it('keeps messages of a kind apart, and what happens meanwhile for the next', async () => {
    const { clock, teller, sent } = stage()
    teller.tell(ban('203.0.113.1'))
    await clock.advance(2_000)
    teller.tell(ban('203.0.113.2'))
    teller.tell(ban('203.0.113.3'))
    await clock.advance(9_000)
    assert.equal(sent.length, 1)
    await clock.advance(1_000)
    assert.deepEqual(sent[1]?.addresses, ['203.0.113.2', '203.0.113.3'])
  })

  it('does not let one kind wait for another', async () => {
    const { clock, teller, sent } = stage()
    teller.tell(full)
    await clock.advance(2_000)
    teller.tell(full)
    await clock.advance(60_000)
    teller.tell(ban('203.0.113.1'))
    await clock.advance(2_000)
    assert.deepEqual(kindsOf(sent), ['edge-full', 'ban'])
    await clock.advance(3600_000)
    assert.deepEqual(kindsOf(sent), ['edge-full', 'ban', 'edge-full'])
  })

  it('never holds back whoever tells, and stays small, while nobody takes its messages', async () => {
    const { clock, teller, sent, gate } = stage()
    const open = gate()
    teller.tell(ban('203.0.113.1'))
    await clock.advance(2_000)
    for (let n = 0; n < 100_000; n++) teller.tell(ban(`2001:db8::${n.toString(16)}`))
    open()
    await clock.advance(60_000)
    assert.deepEqual(
      sent.map(({ count }) => count),
      [1, 100_000],
    )
    assert.ok(JSON.stringify(sent[1]).length < 6_000)
  })

  it('tries again, and waits as long as it is asked to', async () => {
    const { clock, teller, sent, fail } = stage()
    fail(new RetryLaterError('slowly', 30_000), new Error('down'))
    teller.tell(ban('203.0.113.1'))
    await clock.advance(2_000)
    await clock.advance(29_999)
    assert.equal(fail.tried(), 1)
    await clock.advance(1)
    assert.equal(fail.tried(), 2)
    await clock.advance(8_000)
    assert.equal(sent.length, 1)
  })

  it('gives up after four tries, says so once, and counts what was lost', async () => {
    const { clock, teller, sent, fail, failures } = stage()
    fail(...Array.from({ length: 4 }, () => new Error('down')))
    teller.tell(ban('203.0.113.1'))
    for (let n = 0; n < 4; n++) await clock.advance(40_000)
    assert.deepEqual([sent.length, failures.length], [0, 1])
    teller.tell(ban('203.0.113.2'))
    await clock.advance(10_000)
    assert.match(sent[0]?.text ?? '', /\(1 earlier message could not be delivered; see the log\)$/)
  })

  it('does not repeat what is refused', async () => {
    const { clock, teller, fail, failures } = stage()
    fail(new PermanentError('wrong chat'))
    teller.tell(ban('203.0.113.1'))
    await clock.advance(600_000)
    assert.deepEqual([fail.tried(), failures.length], [1, 1])
  })

  it('sends what is left when it closes, and nothing after', async () => {
    const { clock, teller, sent } = stage()
    teller.tell(ban('203.0.113.1'))
    teller.tell(full)
    await teller.close()
    teller.tell(ban('203.0.113.2'))
    await clock.advance(60_000)
    assert.deepEqual(kindsOf(sent).sort(), ['ban', 'edge-full'])
  })

  it('closes within two seconds although nobody takes its messages', async () => {
    const { clock, teller, gate } = stage()
    gate()
    teller.tell(ban('203.0.113.1'))
    await clock.advance(2_000)
    const closed = teller.close()
    await clock.advance(2_000)
    await closed
  })
})

function stage() {
  const clock = manualClock()
  const sent: Notice[] = []
  const failures: unknown[] = []
  const errors: Error[] = []
  let tried = 0
  let closed: Promise<void> = Promise.resolve()
  const teller = createTeller({
    clock,
    onFailure: (error) => failures.push(error),
    notifier: {
      async send(notice) {
        tried++
        await closed
        const error = errors.shift()
        if (error) throw error
        sent.push(notice)
      },
    },
  })
  const fail = Object.assign((...more: Error[]) => void errors.push(...more), { tried: () => tried })
  const gate = () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    closed = promise
    return resolve
  }
  return { clock, teller, sent, failures, fail, gate }
}

function kindsOf(notices: readonly Notice[]): string[] {
  return notices.map(({ kind }) => kind)
}
