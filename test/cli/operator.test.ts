import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FAST, OPS_TOKEN } from '../support/service.ts'
import { until } from '../support/stores-jobs.ts'
import { operatorsStage } from './here.ts'

describe('the operator’s door', () => {
  const { stage, run } = operatorsStage({ env: { ALLOWLIST: '203.0.113.128/28' }, seams: { rate: FAST } })
  const held = () => stage.held()
  /** Elastic hears of an outcome a moment before it is written down. */
  const written = (id: string, outcome: string, address: string) =>
    until(async () => {
      const { alerts = [] } = JSON.parse((await run(`why ${address} -o json`)).out || '{}')
      return alerts.some((alert: { id: string; outcome: string }) => alert.id === id && alert.outcome === outcome)
    })

  it('bans for as long as the playbook’s first ban, and says how long', async () => {
    const { code, out, err } = await run('ban 198.51.100.60 -R "scans us"')
    assert.equal(code, 0, err)
    assert.match(out, /198\.51\.100\.60 is banned for 1h \(the first length of 90-block\.yaml\), and held/)
    assert.ok(held().includes('198.51.100.60'))
  })

  it('refuses by name what must never be banned, and changes nothing', async () => {
    const before = held()
    for (const [address, word] of [
      ['10.0.0.1', 'private'],
      ['104.16.0.1', 'cloudflare'],
      ['0.0.0.0/0', 'private'],
      ['rubbish', 'malformed'],
      ['203.0.113.130', 'allowlisted'],
      ['64.0.0.0/7', 'too-broad'],
    ] as const) {
      const { code, err } = await run(`ban ${address} -R why`)
      assert.equal(code, 2, address)
      assert.match(err, new RegExp(`Not banned: ${word}`), address)
    }
    for (const address of ['10.0.0.1', '104.16.0.1'])
      assert.equal((await run(`ban ${address} --force -R "I want to"`)).code, 2, address)
    assert.deepEqual(held(), before)
  })

  it('bans a friend only by force, and writes down who overruled what', async () => {
    const { code, out } = await run('ban 203.0.113.131 --force -R "the scanner we hired is gone"')
    assert.equal(code, 0)
    assert.match(out, /guard allowlisted was overruled/)
    assert.ok(held().includes('203.0.113.131'))
    assert.match((await run('history --limit 5')).out, /banned +- +alice +203\.0\.113\.131 .*forced: allowlisted/)
  })

  it('lifts several bans at once, reads the edge again, and says so', async () => {
    await run('ban 198.51.100.61')
    await run('ban 198.51.100.62')
    const { code, out } = await run('unban 198.51.100.61 198.51.100.62 -R "our office" --grace 2h')
    assert.equal(code, 0)
    assert.match(out, /are lifted: every edge was read again at .* and lists none of it/)
    assert.ok(!held().some((term) => ['198.51.100.61', '198.51.100.62'].includes(term)))
    const id = await stage.send({ sourceIp: '198.51.100.61' })
    await stage.becomes(id, 'open', 'released')
  })

  it('says which address is not banned, lifts the others, and ends with 3', async () => {
    await run('ban 198.51.100.63')
    const { code, err } = await run('unban 198.51.100.63 198.51.100.64')
    assert.equal(code, 3)
    assert.match(err, /198\.51\.100\.63 is lifted.*\s+Not banned: 198\.51\.100\.64/)
    assert.ok(!held().includes('198.51.100.63'))
  })

  it('lifts everything only when somebody means it', async () => {
    await run('ban 198.51.100.65')
    assert.equal((await run('unban --all')).code, 2)
    const asked: string[] = []
    const ask = async (question: string) => {
      asked.push(question)
      return 'no'
    }
    assert.equal((await run('unban --all --origin operator', { interactive: true, ask })).code, 1)
    assert.match(asked[0] ?? '', /lifts \d+ bans/)
    assert.ok(held().includes('198.51.100.65'))
    const people = held().filter((term) => term.startsWith('198.51.100.7'))
    assert.equal((await run('unban --all --origin operator --yes')).code, 0)
    assert.ok(!held().includes('198.51.100.65'))
    for (const term of people) assert.ok(held().includes(term), `${term} is a person's`)
  })

  it('tells all that is known of an address, also inside a wider ban', async () => {
    const id = await stage.send({ sourceIp: '2001:db8:77::5' })
    await stage.becomes(id, 'acknowledged', 'blocked')
    const { code, out } = await run('why 2001:db8:77::5')
    assert.equal(code, 0)
    assert.match(out, /2001:db8:77::5 is banned as a part of 2001:db8:77::\/64 \(held\)/)
    assert.ok(out.includes(id))
    assert.match(out, /shop +2001:db8:77::\/64/)
    await run('unban 2001:db8:77::/64 -R "a customer"')
    const later = (await run('why 2001:db8:77::5')).out
    assert.match(later, /Released .* automatic bans of 2001:db8:77::\/64 are refused/)
    assert.match(later, /lifted +- +alice +a customer/)
    assert.match(later, /2001:db8:77::\/64 +1 +\S+ ago +lifted/)
    assert.equal((await run('why 192.0.2.251')).code, 3)
  })

  it('allows an address, a prefix and a name, and lifts what bans them, whoever wanted it', async () => {
    await run('ban 198.51.100.0/26 -R "bob wanted it"')
    const id = await stage.send({ sourceIp: '203.0.113.60' })
    await stage.becomes(id, 'acknowledged')
    const { code, out } = await run('allow 198.51.100.5 -R "our office"')
    assert.equal(code, 0)
    assert.match(out, /198\.51\.100\.5 is never banned until it is disallowed\. Lifted: 198\.51\.100\.0\/26/)
    assert.ok(!held().includes('198.51.100.0/26'))
    assert.equal((await run('allow 203.0.113.56/29 -d 30d')).code, 0)
    assert.ok(!held().includes('203.0.113.60'))
    const again = await stage.send({ sourceIp: '203.0.113.60' })
    await stage.becomes(again, 'open', 'allowlisted')
    const list = (await run('allowed')).out
    assert.match(list, /203\.0\.113\.128\/28 +never +ALLOWLIST/)
    assert.match(list, /203\.0\.113\.56\/29 +in (30d|29d23h) +alice/)
    assert.equal((await run('allow no-such-host.invalid')).code, 2)
    assert.equal((await run('disallow 203.0.113.56/29 198.51.100.5')).code, 0)
    assert.equal((await run('disallow 203.0.113.56/29')).code, 3)
    assert.equal((await run('disallow 203.0.113.128/28')).code, 1)
  })

  it('gives people’s entries that stand for ever an end', async () => {
    const { code, out } = await run('adopt -d 30d')
    assert.equal(code, 0)
    assert.match(out, /entries end/)
    assert.match((await run('bans --origin edge')).out, /203\.0\.113\.99 +held +in (30d|29d23h)/)
    assert.match((await run('adopt -d 30d')).out, /No entry .* stands for ever/)
  })

  it('holds new bans back while paused, over a restart, and still lifts', async () => {
    await run('ban 198.51.100.70')
    assert.equal((await run('pause -d 1h -R "a deployment"')).code, 0)
    const id = await stage.send({ sourceIp: '203.0.113.70' })
    await stage.restart()
    await stage.service.app.tick()
    const parked = async () => JSON.parse((await run('status -o json')).out).queue.delayed === 1
    await until(parked)
    assert.equal((await run('unban 198.51.100.70')).code, 0)
    assert.ok(!held().includes('198.51.100.70') && !held().includes('203.0.113.70'))
    for (const page of ['status', 'bans', 'history', 'allowed', 'why 198.51.100.70'])
      assert.match((await run(page)).out, /^PAUSED by alice \(a deployment\), ends in (1h|59m)/, page)
    // Who asks why the attacker of an alert that waits is not banned must hear of it, too.
    const none = await run('bans 203.0.113.70')
    assert.equal(none.code, 3)
    const waiting = await run('why 203.0.113.70')
    assert.equal(waiting.code, 0)
    for (const page of [none.err, waiting.out])
      assert.match(page, /^PAUSED by alice \(a deployment\), [^\n]+\n\n203\.0\.113\.70 is not banned/)
    assert.match(waiting.out, new RegExp(`${id} +\\S+ ago +at work: paused +undecided +Potential Web`))
    assert.doesNotMatch((await run('why 198.51.100.70')).out, new RegExp(id))
    const ready = (await (await fetch(`${stage.service.app.opsUrl}/readyz`)).json()) as { degraded: { part: string }[] }
    assert.deepEqual(
      ready.degraded.map(({ part }) => part),
      ['paused'],
    )
    assert.match(await stage.service.metrics.text(), /portcullis_degraded\{part="paused"\} 1/)
    const resumed = await run('resume')
    assert.match(resumed.out, /The pause is over/)
    await stage.becomes(id, 'acknowledged', 'blocked')
    await written(id, 'blocked', '203.0.113.70')
    assert.match(await stage.service.metrics.text(), /portcullis_degraded\{part="paused"\} 0/)
    assert.doesNotMatch((await run('status')).out, /PAUSED/)
    const banned = (await run('why 203.0.113.70')).out
    assert.match(banned, new RegExp(`${id} +\\S+ ago +blocked +wanted`))
    // Which version of the ruleset it came with.
    assert.match(banned, /put-in +shop \d+ → \d+ +portcullis/)
    assert.match((await run('history --limit 5')).out, /put-in +shop \d+ → \d+ +portcullis/)
  })

  it('replays by ids, and by the word with which alerts were refused', async () => {
    await run('allow 203.0.113.80')
    const id = await stage.send({ sourceIp: '203.0.113.80' })
    await stage.becomes(id, 'open', 'allowlisted')
    await written(id, 'allowlisted', '203.0.113.80')
    await run('disallow 203.0.113.80')
    const { code, out } = await run('replay --refused allowlisted')
    assert.equal(code, 0, out)
    await stage.becomes(id, 'acknowledged', 'blocked')
    assert.match((await run('replay --failed')).out, /no such alert/)
    assert.match((await run('history --limit 5')).out, /replayed/)
  })

  it('never prints the token', async () => {
    const all = (await run('history')).out + (await run('status')).out
    assert.ok(!all.includes(OPS_TOKEN))
  })
})
