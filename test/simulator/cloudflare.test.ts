import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type SimulatedCloudflare, startCloudflare } from '../../src/simulator/cloudflare.ts'
import type { SimulatedZone } from '../../src/simulator/cloudflare-zone.ts'

const PHASES = 'rulesets/phases'
const rule = (expression: string, more: object = {}) => ({ action: 'block', expression, ...more })

describe('the simulated Cloudflare', () => {
  let cloudflare: SimulatedCloudflare
  let zone: SimulatedZone
  before(async () => {
    cloudflare = await startCloudflare({ tokens: { writer: ['waf-write'], reader: ['waf-read'] } })
    zone = cloudflare.zones[0] as SimulatedZone
  })
  after(() => cloudflare.close())

  const call = async (method: string, path: string, body?: unknown, token = 'writer') => {
    const response = await fetch(cloudflare.url + path, {
      method,
      headers: { authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, json: text === '' ? null : JSON.parse(text) }
  }
  const entry = () => `/zones/${zone.id}/${PHASES}/http_request_firewall_custom/entrypoint`
  const error = async (answer: ReturnType<typeof call>) => {
    const { status, json } = await answer
    return [status, json.errors[0].code, json.errors[0].message]
  }

  it('has no entry point before the first write, and a first version after it', async () => {
    const text = 'could not find entrypoint ruleset in the http_request_firewall_custom phase'
    assert.deepEqual(await error(call('GET', entry())), [404, 10003, text])
    assert.deepEqual((await call('GET', `${entry()}/versions`)).json.result, [])
    const { json } = await call('PUT', entry(), { rules: [rule('ip.src eq 192.0.2.1')] })
    assert.equal(json.result.version, '1')
    assert.equal(json.result.rules[0].ref, json.result.rules[0].id)
    assert.equal(json.result.rules[0].version, '1')
  })

  it('refuses fields of a ruleset that are not to be sent', async () => {
    const text = 'invalid JSON: unknown field "kind"'
    assert.equal((await error(call('PUT', entry(), { kind: 'zone', rules: [] })))[2], text)
  })

  it('gives a rule another id when neither its id nor its ref comes back', async () => {
    const [before] = zone.rules()
    const same = (await call('PUT', entry(), { rules: [rule('ip.src eq 192.0.2.2', { ref: before?.ref })] })).json
      .result
    assert.equal(same.rules[0].id, before?.id)
    assert.equal(same.rules[0].version, '2')
    const other = (await call('PUT', entry(), { rules: [rule('ip.src eq 192.0.2.2')] })).json.result
    assert.notEqual(other.rules[0].id, before?.id)
  })

  it('raises the version of the ruleset with every write, that of a rule only when it changes', async () => {
    const before = (await call('GET', entry())).json.result
    const after = (await call('PUT', entry(), { rules: before.rules })).json.result
    assert.equal(Number(after.version), Number(before.version) + 1)
    assert.deepEqual(after.rules, before.rules)
  })

  it('refuses the whole list when one rule is wrong, has a ref twice, or is one too many', async () => {
    const before = zone.version()
    const many = Array.from({ length: 6 }, () => rule('ssl'))
    const text = 'exceeded the maximum number of rules in the phase http_request_firewall_custom: 6 out of 5'
    assert.deepEqual(await error(call('PUT', entry(), { rules: many })), [400, 50001, text])
    const twice = [rule('ssl', { ref: 'a' }), rule('not ssl', { ref: 'a' })]
    assert.equal((await call('PUT', entry(), { rules: twice })).status, 400)
    assert.equal((await call('PUT', entry(), { rules: [rule('ssl'), { expression: 'ssl' }] })).status, 400)
    const blank = `'' is not a valid value for expression because the expression cannot be blank`
    assert.deepEqual(await error(call('PUT', entry(), { rules: [rule('ssl'), rule('')] })), [400, 20125, blank])
    assert.equal(zone.version(), before)
  })

  it('keeps every version, but lists them without rules', async () => {
    const { json } = await call('GET', `${entry()}/versions`)
    assert.equal(json.result.length, zone.history().length)
    assert.equal(json.result[0].rules, undefined)
    assert.equal((await call('GET', `${entry()}/versions/1`)).json.result.rules.length, 1)
    assert.equal((await call('GET', `${entry()}/versions/99`)).status, 404)
    zone.forgetVersions(2)
    assert.equal((await call('GET', `${entry()}/versions/1`)).status, 404)
  })

  it('leaves the list of rules out where there are none', async () => {
    const { json } = await call('PUT', entry(), { rules: [] })
    assert.equal('rules' in json.result, false)
  })

  it('answers a dry run with nothing, and changes nothing', async () => {
    const before = zone.version()
    assert.equal((await call('PUT', `${entry()}?dry_run=true`, { rules: [rule('ssl')] })).json.result, null)
    assert.equal((await call('PUT', `${entry()}?dry_run=true`, { rules: [rule('ssl or')] })).status, 400)
    assert.equal(zone.version(), before)
  })

  it('lets people add, move, change and delete single rules', async () => {
    const rules = (): string => `/zones/${zone.id}/rulesets/${zone.rulesetId()}/rules`
    const expressions = (): unknown[] => zone.rules().map((each) => each.expression)
    await call('POST', rules(), rule('ssl'))
    await call('POST', rules(), rule('not ssl', { position: { before: '' } }))
    assert.deepEqual(expressions(), ['not ssl', 'ssl'])
    const [first] = zone.rules()
    await call('PATCH', `${rules()}/${first?.id}`, { position: { after: '' } })
    assert.deepEqual(expressions(), ['ssl', 'not ssl'])
    await call('PATCH', `${rules()}/${first?.id}`, rule('cf.client.bot', { enabled: false }))
    assert.deepEqual(expressions(), ['ssl', 'cf.client.bot'])
    await call('DELETE', `${rules()}/${first?.id}`)
    assert.deepEqual(expressions(), ['ssl'])
  })

  it('tells a wrong token, a token that may not, and a zone that is not there apart', async () => {
    assert.deepEqual(await error(call('GET', entry(), undefined, 'wrong')), [403, 9109, 'Invalid access token'])
    assert.deepEqual(await error(call('PUT', entry(), { rules: [] }, 'reader')), [403, 10000, 'Authentication error'])
    assert.equal((await error(call('GET', '/zones/none')))[1], 7003)
    assert.deepEqual((await error(call('GET', `/zones/${'0'.repeat(32)}`)))[1], 9109)
    assert.equal((await call('GET', '/user/tokens/verify')).json.result.status, 'active')
  })

  it('tells its own address ranges to everybody', async () => {
    const response = await fetch(`${cloudflare.url}/ips`)
    const { result } = (await response.json()) as { result: { ipv4_cidrs: string[] } }
    assert.ok(result.ipv4_cidrs.includes('104.16.0.0/13'))
  })

  it('takes so many calls, says how many are left, and then none until the window is over', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() })
    const small = await startCloudflare({ rateLimit: { requests: 2, seconds: 1 } })
    t.after(() => small.close())
    const verify = () =>
      fetch(`${small.url}/user/tokens/verify`, { headers: { authorization: `Bearer ${small.token}` } })
    assert.match((await verify()).headers.get('ratelimit') ?? '', /^"default";r=1;t=1$/)
    await verify()
    const over = await verify()
    assert.equal(over.status, 429)
    assert.equal(over.headers.get('retry-after'), '1')
    t.mock.timers.tick(999)
    assert.equal((await verify()).status, 429)
    t.mock.timers.tick(1)
    assert.equal((await verify()).status, 200)
  })

  it('sees writes that overlap', async () => {
    const rules = zone.rules()
    const gate = cloudflare.faults.hold({ method: 'PUT' })
    const first = call('PUT', entry(), { rules })
    await gate.arrived
    await call('PUT', entry(), { rules })
    gate.open()
    await first
    assert.equal(zone.overlappingPuts, 1)
    await call('PUT', entry(), { rules })
    assert.equal(zone.overlappingPuts, 1)
  })

  it('takes a hand edit as another client’s write, or says what Cloudflare would', () => {
    const before = zone.version()
    cloudflare.handEdit(zone, (rules) => [...rules, rule('ip.src eq 192.0.2.77')])
    assert.equal(zone.version(), before + 1)
    assert.equal(zone.rules().at(-1)?.expression, 'ip.src eq 192.0.2.77')
    assert.throws(() => cloudflare.handEdit(zone, () => [rule('ip.src eq')]), /could not parse filter expression/)
  })
})
