import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { type CloudflareList, createCloudflareList } from '../../src/adapters/cloudflare-list.ts'
import { PermanentError, RefusedError, RetryLaterError } from '../../src/errors.ts'
import type { Operation } from '../../src/ports-list.ts'
import { type SimulatedCloudflare, startCloudflare } from '../../src/simulator/cloudflare.ts'
import type { SimulatedAccount } from '../../src/simulator/cloudflare-list.ts'

describe('a list whose Cloudflare misbehaves', () => {
  let cloudflare: SimulatedCloudflare
  let account: SimulatedAccount
  let closed: Date[] = []
  let seen: string[] = []
  const tokens = {
    'secret-token': ['lists-write'],
    'zone-token': ['waf-write', 'zone-read'],
    reader: ['lists-read'],
  } as const
  beforeEach(async () => {
    cloudflare = await startCloudflare({ tokens, account: { lists: [{ name: 'portcullis' }] } })
    account = cloudflare.account
    Object.assign(account.list('portcullis') ?? {}, { description: 'what it is for' })
    closed = []
    seen = []
  })
  afterEach(() => cloudflare.close())
  const list = (changes: { token?: string; name?: string; accountId?: string } = {}): CloudflareList =>
    createCloudflareList({
      apiUrl: cloudflare.url,
      token: changes.token ?? 'secret-token',
      accountId: changes.accountId ?? account.id,
      name: changes.name ?? 'portcullis',
      timeoutMs: 2_000,
      budget: { take: async () => undefined, close: async (until) => void closed.push(until) },
      onCall: (method, status) => seen.push(`${method} ${status}`),
    })
  const add = (...addresses: string[]): Promise<Operation> =>
    list().add(addresses.map((address) => ({ address, comment: '' })))
  const retryable = (error: unknown): boolean => {
    assert.ok(error instanceof Error && error.constructor === Error, `may be tried again: ${error}`)
    assert.doesNotMatch(error.message, /secret-token/)
    return true
  }
  const permanent = (trouble: string | undefined, text: RegExp) => (error: unknown) => {
    assert.ok(error instanceof PermanentError, String(error))
    assert.equal((error as { trouble?: unknown }).trouble, trouble)
    assert.match(error.message, text)
    return true
  }

  it('waits a moment while another operation of the account runs, and keeps nobody else waiting', async () => {
    account.operations.failNext({ kind: 'stuck' })
    const { id } = await add('192.0.2.1')
    await assert.rejects(add('192.0.2.2'), (error) => {
      return error instanceof RetryLaterError && error.retryAfterMs < 10_000 && /busy/.test(error.message)
    })
    assert.deepEqual(closed, [])
    assert.equal((await list().operation(id))?.kind, 'running')
    account.operations.finish()
    assert.deepEqual(await list().operation(id), { kind: 'completed' })
    await add('192.0.2.2')
  })

  it('stops all calls when it is the limit of calls that is reached', async () => {
    cloudflare.faults.next({ method: 'POST' }, { kind: 'rate-limit', retryAfter: 7 })
    await assert.rejects(add('192.0.2.1'), (error) => {
      return error instanceof RetryLaterError && error.retryAfterMs === 7_000
    })
    cloudflare.faults.next({ method: 'POST' }, { kind: 'rate-limit' })
    await assert.rejects(add('192.0.2.1'), RetryLaterError)
    cloudflare.faults.next({ method: 'POST' }, { kind: 'answer', status: 429, body: '<html>slow down</html>' })
    await assert.rejects(add('192.0.2.1'), RetryLaterError)
    assert.equal(closed.length, 3)
  })

  it('says that the list is full, in the state of the operation', async () => {
    account.itemQuota = 1
    assert.deepEqual(await list().operation((await add('192.0.2.1', '192.0.2.2')).id), {
      kind: 'failed',
      error: 'This list is at the maximum number of items',
      trouble: 'list-full',
    })
    assert.equal(account.contents('portcullis').size, 0)
    const errors = [{ code: 1, message: 'This list is at the maximum number of items' }]
    const body = { success: false, result: null, errors }
    cloudflare.faults.next({ method: 'POST' }, { kind: 'answer', status: 400, body })
    await assert.rejects(add('192.0.2.1'), permanent('list-full', /10,000/))
  })

  it('passes on why an operation failed', async () => {
    account.operations.failNext({ kind: 'fail', error: 'something inside' })
    const state = await list().operation((await add('192.0.2.1')).id)
    assert.deepEqual(state, { kind: 'failed', error: 'something inside', trouble: null })
  })

  it('says that the account has no room for a further list', async () => {
    await assert.rejects(list({ name: 'other' }).create(''), permanent('list-quota', /10019.*CLOUDFLARE_LIST/))
  })

  it('finds the list that it has made when the answer was lost', async () => {
    account.listQuota = 2
    cloudflare.faults.next({ method: 'POST' }, { kind: 'lost' })
    assert.equal((await list({ name: 'other' }).create('')).id, account.list('other')?.id)
  })

  it('does not touch a list of another kind', async () => {
    account.deleteList('portcullis')
    account.createList({ name: 'portcullis', kind: 'hostname' })
    const wrong = permanent('list-kind', /"portcullis" is of kind hostname.*CLOUDFLARE_LIST/)
    await assert.rejects(list().find(), wrong)
    await assert.rejects(add('192.0.2.1'), wrong)
    await assert.rejects(list().create(''), wrong)
    assert.equal(cloudflare.count('POST', '/items'), 0)
  })

  it('tells an account that takes no single IPv6 address, so that the /64 can be sent', async () => {
    account.longestIpv6 = 64
    await assert.rejects(add('2001:db8::1'), permanent('item-format', /10035.*\/64/))
    await add('2001:db8::/64')
    assert.deepEqual([...account.contents('portcullis').keys()], ['2001:db8::/64'])
    account.longestIpv6 = 128
    await add('2001:db8::1')
    assert.equal(account.contents('portcullis').size, 2)
  })

  it('names the permission that a token lacks, to read and to write, and never the token', async () => {
    const refused = (error: unknown): boolean => {
      assert.ok(error instanceof RefusedError)
      assert.equal(error.part, 'cloudflare')
      assert.match(error.message, /permission "Account Filter Lists Edit"/)
      assert.doesNotMatch(error.message, /(zone|wrong)-token/)
      return true
    }
    await assert.rejects(list({ token: 'zone-token' }).find(), refused)
    await assert.rejects(list({ token: 'wrong-token' }).find(), refused)
    const reader = list({ token: 'reader' })
    assert.ok(await reader.find())
    await assert.rejects(reader.add([{ address: '192.0.2.1', comment: '' }]), refused)
    await assert.rejects(reader.probe(), refused)
  })

  it('tries what the token may without changing anything', async () => {
    const before = account.list('portcullis')
    assert.equal((await list().probe())?.id, before?.id)
    assert.equal(account.list('portcullis')?.description, 'what it is for')
    assert.equal(account.operations.begun, 0)
    assert.equal(await list({ name: 'other' }).probe(), null)
  })

  it('says which setting is wrong when the account is not there', async () => {
    for (const accountId of ['abc', '0'.repeat(32)])
      await assert.rejects(list({ accountId }).find(), (error) => {
        return error instanceof RefusedError && /CLOUDFLARE_ACCOUNT_ID/.test(error.message)
      })
  })

  it('notices that the list was deleted, and works with the one made in its place only once it was found', async () => {
    const ours = list()
    const old = await ours.find()
    account.deleteList('portcullis')
    account.createList({ name: 'portcullis', kind: 'ip' })
    await assert.rejects(ours.add([{ address: '192.0.2.1', comment: '' }]), /"portcullis" is no longer there/)
    assert.notEqual((await ours.find())?.id, old?.id)
    account.deleteList('portcullis')
    assert.equal(await ours.find(), null)
    await assert.rejects(ours.items(), retryable)
  })

  it('takes only Cloudflare’s own word for it that something is not there', async () => {
    const page = { kind: 'answer', status: 404, body: '<html>not here</html>' } as const
    cloudflare.faults.next({}, page)
    await assert.rejects(list().find(), retryable)
    cloudflare.faults.next({ path: 'bulk_operations' }, page)
    await assert.rejects(list().operation('a'), retryable)
  })

  it('counts the rules that name it', async () => {
    const [zone] = cloudflare.zones
    assert.ok(zone)
    cloudflare.handEdit(zone, () => [{ action: 'block', expression: '(ip.src in $portcullis)', enabled: false }])
    assert.deepEqual(await list().find(), { id: account.list('portcullis')?.id, kind: 'ip', items: 0, rules: 1 })
  })

  it('never sends a write twice, whether it was applied or not, and reads once more', async () => {
    cloudflare.faults.next({ method: 'POST' }, { kind: 'reset' })
    await assert.rejects(add('192.0.2.1'), retryable)
    assert.equal(account.operations.begun, 0)
    cloudflare.faults.next({ method: 'POST' }, { kind: 'lost' })
    await assert.rejects(add('192.0.2.1'), retryable)
    assert.equal(account.operations.begun, 1)
    assert.equal(cloudflare.count('POST'), 2)
    seen = []
    cloudflare.faults.next({ path: '/items' }, { kind: 'reset' })
    assert.equal((await list().items()).length, 1)
    assert.deepEqual(seen, ['GET 200', 'GET failed', 'GET 200'])
  })

  it('takes broken and wrong-typed answers for failures that may pass', async () => {
    const item = { id: 'a', ip: '192.0.2.1', created_on: '2026-01-01T00:00:00Z', modified_on: '2026-01-01T00:00:00Z' }
    const lists: unknown[] = [
      [],
      'null',
      { success: true, result: {} },
      { success: true, result: [{ name: 'portcullis' }] },
    ]
    for (const body of lists) {
      cloudflare.faults.next({ path: /lists$/ }, { kind: 'body', body })
      await assert.rejects(list().find(), retryable, JSON.stringify(body))
    }
    const items: unknown[] = [{}, [5], [{ ...item, id: '' }], [{ ...item, ip: 'x' }], [{ ...item, created_on: 5 }]]
    for (const result of items) {
      cloudflare.faults.next({ path: '/items' }, { kind: 'body', body: { success: true, result } })
      await assert.rejects(list().items(), retryable, JSON.stringify(result))
    }
    const endless = { success: true, result: [item], result_info: { cursors: { after: 'same' } } }
    cloudflare.faults.next({ path: '/items' }, { kind: 'answer', status: 200, body: endless }, 3)
    await assert.rejects(list().items(), /never end/)
    cloudflare.faults.clear()
    for (const result of [null, {}, { operation_id: 5 }]) {
      cloudflare.faults.next({ method: 'POST' }, { kind: 'body', body: { success: true, result } })
      await assert.rejects(add('192.0.2.1'), retryable)
    }
    cloudflare.faults.next({ path: 'bulk' }, { kind: 'body', body: { success: true, result: { status: 'odd' } } })
    await assert.rejects(list().operation((await add('192.0.2.9')).id), retryable)
  })
})
