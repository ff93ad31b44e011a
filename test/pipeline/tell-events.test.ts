import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Happening } from '../../src/core/notice.ts'
import { tellingEvents } from '../../src/pipeline/tell-events.ts'
import { createHeartbeat } from '../../src/pipeline/tell-heartbeat.ts'
import { manualClock } from '../support/manual-clock.ts'

const ban = (...subjects: string[]): Happening => ({ kind: 'ban', edge: 'shop', subjects, detail: '' })
const full: Happening = { kind: 'edge-full', edge: 'shop', subjects: [], detail: '1 ban waits.' }

describe('what people are told of', () => {
  it('is a ban, once, and again only when it ended meanwhile', () => {
    const { events, told } = listening()
    const shop = { edge: 'shop', addresses: ['203.0.113.1'] }
    events.held(shop)
    events.held(shop)
    assert.deepEqual(told, [ban('203.0.113.1')])
    events.ended({ addresses: ['203.0.113.1'], how: 'ended' })
    events.held(shop)
    assert.equal(told.length, 2)
  })

  it('is not what a person put into the rule', () => {
    const { events, told } = listening()
    events.adopted({ edge: 'shop', addresses: [{ text: '203.0.113.1' }] })
    events.held({ edge: 'shop', addresses: ['203.0.113.1', { address: '203.0.113.2' }] })
    assert.deepEqual(told, [ban('203.0.113.2')])
  })

  it('is a full edge, once until it has room again', () => {
    const { events, told } = listening()
    const standing = (waiting: Record<string, number>) =>
      events.standing({ edge: 'shop', held: 1, waiting, used: 1, limit: 2 })
    events.edgeFull({ edge: 'shop', waiting: 1 })
    standing({ 'edge-full': 1 })
    events.edgeFull({ edge: 'shop', waiting: 2 })
    assert.deepEqual(told, [full])
    standing({})
    events.edgeFull({ edge: 'shop', waiting: 3 })
    assert.equal(told.length, 2)
  })

  it('is each thing that needs a person, after it was reported', () => {
    const { events, told, reported } = listening()
    const alert = { id: 'a1', rule: { name: 'Scan' } }
    events.refused({ alert, suspect: '203.0.113.1', refusal: 'quota-spent', detail: '' })
    events.refused({ alert, suspect: '10.0.0.1', refusal: 'private', detail: '' })
    events.putBack({ edge: 'shop', version: 3, addresses: ['203.0.113.2'] })
    events.contested({ edge: 'shop' })
    events.gaveUp({ alert, error: new Error('no route') })
    events.paused({ by: 'alice', until: null })
    assert.deepEqual(
      told.map(({ kind, detail }) => `${kind} ${detail}`),
      [
        'quota-spent Rule: Scan',
        'put-back ',
        'contested ',
        'failed no route',
        'paused By alice, until somebody resumes.',
      ],
    )
    assert.deepEqual(reported, ['refused', 'refused', 'putBack', 'contested', 'gaveUp', 'paused'])
  })

  it('stops no work when it cannot be told', () => {
    const { events, reported } = listening(() => {
      throw new Error('broken')
    })
    events.contested({ edge: 'shop' })
    assert.deepEqual(reported, ['contested'])
  })
})

describe('the heartbeat', () => {
  it('beats after a good pass, at most once a minute', async () => {
    const { clock, heartbeat, beats } = beating()
    heartbeat.passed('shop', 'ok')
    await clock.advance(0)
    for (let n = 0; n < 30; n++) {
      heartbeat.passed('shop', 'ok')
      await clock.advance(10_000)
    }
    assert.equal(beats(), 6)
  })

  it('is silent while any edge is not well', async () => {
    const { clock, heartbeat, beats } = beating()
    heartbeat.passed('blog', 'failed')
    for (let n = 0; n < 10; n++) {
      heartbeat.passed('shop', 'ok')
      await clock.advance(60_000)
    }
    assert.equal(beats(), 0)
    heartbeat.passed('blog', 'ok')
    await clock.advance(0)
    assert.equal(beats(), 1)
  })
})

const NAMES = 'held adopted ended released unban edgeFull standing refused putBack contested gaveUp paused'

function listening(also: (happening: Happening) => void = () => {}) {
  const told: Happening[] = []
  const reported: string[] = []
  const quiet = Object.fromEntries(NAMES.split(' ').map((name) => [name, () => void reported.push(name)]))
  const events = tellingEvents(quiet as unknown as Required<Parameters<typeof tellingEvents>[0]>, (happening) => {
    told.push(happening)
    also(happening)
  })
  return { events, told, reported }
}

function beating() {
  const clock = manualClock()
  let count = 0
  const ping = async () => void count++
  const heartbeat = createHeartbeat({ clock, ping, onFailure: (error) => assert.fail(String(error)) })
  return { clock, heartbeat, beats: () => count }
}
