import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import fc from 'fast-check'
import { parseTerm } from '../../src/core/address.ts'
import { type SimulatedCloudflare, startCloudflare } from '../../src/simulator/cloudflare.ts'
import type { SimulatedAccount } from '../../src/simulator/cloudflare-list.ts'
import { canonicalItem } from '../../src/simulator/cloudflare-list-item.ts'
import { startWorld } from '../../src/simulator/world.ts'

interface Json {
  result: Record<string, unknown> & Record<string, unknown>[]
  result_info: { cursors: { after?: string; before?: string } }
  errors: { code: number; message: string }[]
}

describe('the lists of the simulated Cloudflare', () => {
  let cloudflare: SimulatedCloudflare
  let account: SimulatedAccount
  beforeEach(async () => {
    cloudflare = await startCloudflare({
      tokens: { writer: ['lists-write', 'waf-write'], reader: ['lists-read'], zone: ['waf-write'] },
      account: { lists: [{ name: 'ours', items: [{ value: '192.0.2.1', comment: 'a' }] }] },
    })
    account = cloudflare.account
  })
  afterEach(() => cloudflare.close())

  const call = async (method: string, path: string, body?: unknown, token = 'writer') => {
    const response = await fetch(cloudflare.url + path, {
      method,
      headers: { authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: response.status, json: (await response.json()) as Json }
  }
  const lists = (rest = ''): string => `/accounts/${account.id}/rules/lists${rest}`
  const items = (rest = ''): string => lists(`/${account.list('ours')?.id}/items${rest}`)
  const entry = (): string =>
    `/zones/${cloudflare.zones[0]?.id}/rulesets/phases/http_request_firewall_custom/entrypoint`
  const refusal = async (answer: ReturnType<typeof call>): Promise<unknown[]> => {
    const { status, json } = await answer
    return [status, json.errors[0]?.code, json.errors[0]?.message]
  }
  const rule = (expression: string) => ({ rules: [{ action: 'block', expression }] })
  const post = (...ips: string[]) =>
    call(
      'POST',
      items(),
      ips.map((ip) => ({ ip })),
    )

  it('are limited in number, named by a few letters, and never twice', async () => {
    assert.deepEqual((await refusal(call('POST', lists(), { name: 'more', kind: 'ip' }))).slice(0, 2), [400, 10019])
    account.listQuota = 2
    assert.equal((await call('POST', lists(), { name: 'No Way', kind: 'ip' })).status, 400)
    assert.equal((await call('POST', lists(), { name: 'ours', kind: 'ip' })).status, 409)
    const { json } = await call('POST', lists(), { name: 'more', kind: 'hostname', description: 'why' })
    assert.equal(json.result.kind, 'hostname')
    assert.deepEqual(
      (await call('GET', lists())).json.result.map(({ name, num_items }) => [name, num_items]),
      [
        ['ours', 1],
        ['more', 0],
      ],
    )
  })

  it('take items in an operation that is pending, then running, then completed, one at a time in an account', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() })
    account.operations.takesMs = 300
    const id = (await post('192.0.2.2')).json.result.operation_id
    const [status] = await refusal(post('192.0.2.3'))
    assert.equal(status, 429)
    const state = async (): Promise<unknown> => (await call('GET', lists(`/bulk_operations/${id}`))).json.result.status
    assert.equal(await state(), 'pending')
    t.mock.timers.tick(150)
    assert.equal(await state(), 'running')
    assert.equal(account.contents('ours').has('192.0.2.2'), false)
    t.mock.timers.tick(150)
    assert.equal(await state(), 'completed')
    assert.equal(account.contents('ours').has('192.0.2.2'), true)
    assert.equal((await post('192.0.2.3')).status, 200)
  })

  it('can be told to fail an operation, and to leave one unfinished', async () => {
    account.operations.failNext({ kind: 'fail', error: 'no' })
    account.operations.failNext({ kind: 'stuck' })
    const failed = (await post('192.0.2.2')).json.result.operation_id
    const { result } = (await call('GET', lists(`/bulk_operations/${failed}`))).json
    assert.deepEqual([result.status, result.error], ['failed', 'no'])
    await post('192.0.2.3')
    assert.equal((await post('192.0.2.4')).status, 429)
    assert.deepEqual([...account.contents('ours').keys()], ['192.0.2.1'])
    account.operations.finish()
    assert.deepEqual([...account.contents('ours').keys()], ['192.0.2.1', '192.0.2.3'])
    account.operations.forget()
    assert.equal((await call('GET', lists(`/bulk_operations/${failed}`))).status, 404)
  })

  it('keep one item for one value in its shortest form, with the newest comment', async () => {
    await call('POST', items(), [{ ip: '192.0.2.1/32', comment: 'b' }, { ip: '2001:DB8:0:0::1/128' }])
    assert.deepEqual(
      [...account.contents('ours')],
      [
        ['192.0.2.1', 'b'],
        ['2001:db8::1', ''],
      ],
    )
    assert.equal(account.modifications, 2)
  })

  it('store what the service writes as it was written', () => {
    const length = (least: number, most: number) => fc.integer({ min: least, max: most })
    const v4 = fc.tuple(fc.ipV4(), length(8, 32)).map(([base, bits]) => `${base}/${bits}`)
    const v6 = fc.tuple(fc.ipV6(), length(12, 128)).map(([base, bits]) => `${base}/${bits}`)
    fc.assert(
      fc.property(fc.oneof(v4, v6), (text) => {
        const term = parseTerm(text)?.text
        assert.equal(canonicalItem(term, 'ip', { longestIpv6: 128 }, 0), term)
      }),
      { numRuns: 2_000 },
    )
  })

  it('refuse the whole request for one wrong item', async () => {
    account.longestIpv6 = 64
    const text =
      'invalid value for ip at position 1: filters.api.IPv6 CIDRs should have a prefix length from /12 to /64 inclusive'
    assert.deepEqual(await refusal(post('192.0.2.7', '2001:db8::1')), [400, 10035, text])
    for (const ip of ['rubbish', '10.0.0.0/7', '192.0.2.1/24', '1.2.3', '2000::/11', '192.0.2.1..192.0.2.9'])
      assert.equal((await refusal(post(ip)))[1], 10035, ip)
    const twice = 'filters.api.duplicate_item_value'
    assert.deepEqual(await refusal(post('192.0.2.7', '192.0.2.7/32')), [400, 10028, twice])
    assert.equal((await call('POST', items(), [{ ip: '192.0.2.7', comment: 'x'.repeat(501) }])).status, 400)
    assert.equal(account.contents('ours').size, 1)
  })

  it('hold so many items in all lists of the account together', async () => {
    account.listQuota = 2
    account.createList({ name: 'other', kind: 'ip' })
    account.handEdit('other', { add: [{ value: '198.51.100.1' }, { value: '198.51.100.2' }] })
    account.itemQuota = 4
    const id = (await post('192.0.2.2', '192.0.2.3')).json.result.operation_id
    const { result } = (await call('GET', lists(`/bulk_operations/${id}`))).json
    assert.deepEqual([result.status, result.error], ['failed', 'This list is at the maximum number of items'])
    await post('192.0.2.1', '192.0.2.2')
    assert.equal(account.contents('ours').size, 2)
  })

  it('are read page by page behind a cursor', async () => {
    account.handEdit('ours', { replace: ['1', '2', '3', '4', '5'].map((n) => ({ value: `192.0.2.${n}` })) })
    const pages: unknown[][] = []
    for (let cursor: string | undefined = ''; cursor !== undefined; ) {
      const { json } = await call('GET', items(`?per_page=2${cursor && `&cursor=${cursor}`}`))
      pages.push(json.result.map(({ ip }) => ip))
      cursor = json.result_info.cursors.after
    }
    assert.deepEqual(pages, [['192.0.2.1', '192.0.2.2'], ['192.0.2.3', '192.0.2.4'], ['192.0.2.5']])
    assert.equal((await call('GET', items('?cursor=none'))).status, 400)
  })

  it('let people take out, add and replace, as they do in the dashboard, also while an operation runs', async () => {
    account.operations.failNext({ kind: 'stuck' })
    await post('192.0.2.9')
    account.handEdit('ours', { add: [{ value: '192.0.2.2' }], remove: ['192.0.2.1/32'] })
    assert.deepEqual([...account.contents('ours').keys()], ['192.0.2.2'])
    account.operations.finish()
    const [item] = (await call('GET', items())).json.result
    await call('DELETE', items(), { items: [{ id: item?.id }, { id: 'gone' }] })
    assert.deepEqual([...account.contents('ours').keys()], ['192.0.2.9'])
    await call('PUT', items(), [])
    assert.equal(account.contents('ours').size, 0)
  })

  it('must be there when a rule names them, and hold addresses where the rule compares one', async () => {
    const [status, code, text] = await refusal(call('PUT', entry(), rule('ip.src in $missing')))
    assert.deepEqual([status, code], [400, 20127])
    assert.match(
      String(text),
      /\(1:11\):\nip\.src in \$missing\n {10}\^{8} could not find list "missing", it does not exist/,
    )
    account.listQuota = 2
    account.createList({ name: 'names', kind: 'hostname' })
    assert.equal((await call('PUT', entry(), rule('ip.src in $names'))).status, 400)
    assert.equal((await call('PUT', entry(), rule('http.host in $names'))).status, 200)
    assert.equal((await call('PUT', entry(), rule('ip.src in $ours or ip.src in $cf.anonymizer'))).status, 200)
  })

  it('cannot be deleted while a rule names them, switched on or not', async () => {
    const list = lists(`/${account.list('ours')?.id}`)
    await call('PUT', entry(), { rules: [{ ...rule('not ip.src in $ours').rules[0], enabled: false }] })
    assert.equal((await call('GET', list)).json.result.num_referencing_filters, 1)
    assert.deepEqual(await refusal(call('DELETE', list)), [400, 10031, 'filters.api.ip_list_in_use'])
    await call('PUT', entry(), rule('ssl'))
    assert.equal((await call('DELETE', list)).status, 200)
    assert.equal((await call('GET', list)).status, 404)
  })

  it('fail an operation whose list was deleted under it', async () => {
    account.operations.failNext({ kind: 'stuck' })
    const id = (await post('192.0.2.2')).json.result.operation_id
    account.deleteList('ours')
    account.operations.finish()
    assert.equal((await call('GET', lists(`/bulk_operations/${id}`))).json.result.status, 'failed')
  })

  it('want their own permission, to read and to write, and the right account', async () => {
    const refused = [403, 10000, 'Authentication error']
    assert.equal((await call('GET', items(), undefined, 'reader')).status, 200)
    assert.deepEqual(await refusal(call('POST', items(), [], 'reader')), refused)
    assert.deepEqual(await refusal(call('GET', lists(), undefined, 'zone')), refused)
    assert.equal((await refusal(call('GET', lists(), undefined, 'wrong')))[1], 9109)
    assert.deepEqual(await refusal(call('GET', `/accounts/${'0'.repeat(32)}/rules/lists`)), refused)
    assert.equal((await refusal(call('GET', '/accounts/none/rules/lists')))[1], 7003)
  })

  it('belong to the account that the world names, which has one list from the start', async () => {
    const world = await startWorld()
    assert.equal(world.environment().CLOUDFLARE_ACCOUNT_ID, world.cloudflare.account.id)
    assert.deepEqual(
      world.cloudflare.account.lists().map(({ name }) => name),
      ['office'],
    )
    await world.close()
  })
})
