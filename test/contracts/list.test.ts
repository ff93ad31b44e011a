import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createCloudflareList } from '../../src/adapters/cloudflare-list.ts'
import type { AddressList, Operation, OperationState } from '../../src/ports-list.ts'
import { type SimulatedCloudflare, startCloudflare } from '../../src/simulator/cloudflare.ts'

const free = { take: async () => undefined, close: async () => undefined }
const {
  TEST_CLOUDFLARE_TOKEN: realToken,
  TEST_CLOUDFLARE_ACCOUNT_ID: realAccount,
  TEST_CLOUDFLARE_LIST: realList,
} = process.env

describe('a list, at the simulated Cloudflare', () => {
  let cloudflare: SimulatedCloudflare
  before(async () => {
    cloudflare = await startCloudflare({ account: { operationMs: 10 } })
  })
  after(() => cloudflare.close())
  listContract(() =>
    createCloudflareList({
      apiUrl: cloudflare.url,
      token: cloudflare.token,
      accountId: cloudflare.account.id,
      name: 'portcullis',
      budget: free,
    }),
  )
})

describe('a list, at Cloudflare itself', { skip: !(realToken && realAccount && realList) }, () => {
  listContract(() =>
    createCloudflareList({
      apiUrl: 'https://api.cloudflare.com/client/v4',
      token: realToken ?? '',
      accountId: realAccount ?? '',
      name: realList ?? '',
      budget: free,
    }),
  )
})

/** What it puts into the list are documentation addresses only, and it takes out what it put in. */
function listContract(make: () => AddressList): void {
  const item = (address: string, comment = '') => ({ address, comment })
  const empty = async (list: AddressList): Promise<void> => {
    const ids = (await list.items()).filter(({ comment }) => comment.startsWith('contract')).map(({ id }) => id)
    if (ids.length > 0) await ended(list, await list.remove(ids))
  }
  const texts = async (list: AddressList): Promise<string[]> => (await list.items()).map(({ text }) => text).toSorted()
  before(async () => {
    const list = make()
    if ((await list.find()) === null) await list.create('portcullis contract')
  })
  beforeEach(() => empty(make()))

  it('is found by its name, and making it again gives the one that is there', async () => {
    const found = await make().find()
    assert.equal(found?.kind, 'ip')
    assert.equal((await make().create('again')).id, found?.id)
  })

  it('holds what was added when the operation is completed, in canonical text', async () => {
    const list = make()
    const sent = ['192.0.2.1', '198.51.100.0/24', '2001:db8::/64'].map((address) => item(address, 'contract: why'))
    assert.equal((await ended(list, await list.add(sent))).kind, 'completed')
    assert.deepEqual(await texts(list), ['192.0.2.1', '198.51.100.0/24', '2001:db8::/64'])
    const [first] = await list.items()
    assert.equal(first?.comment, 'contract: why')
    assert.ok(Math.abs(Date.parse(first?.created ?? '') - Date.now()) < 600_000)
    assert.equal((await list.find())?.items, 3)
  })

  it('gives a new comment to an address that is there already, and no second item', async () => {
    const list = make()
    await ended(list, await list.add([item('192.0.2.1', 'contract 1')]))
    const [before] = await list.items()
    await ended(list, await list.add([item('192.0.2.1', 'contract 2')]))
    assert.deepEqual(
      (await list.items()).map(({ id, comment }) => [id, comment]),
      [[before?.id, 'contract 2']],
    )
  })

  it('takes out by id, and does not mind what is gone already', async () => {
    const list = make()
    await ended(list, await list.add([item('192.0.2.1', 'contract'), item('192.0.2.2', 'contract')]))
    const ids = (await list.items()).filter(({ text }) => text === '192.0.2.1').map(({ id }) => id)
    await ended(list, await list.remove(ids))
    assert.deepEqual(await texts(list), ['192.0.2.2'])
  })

  it('takes an address given twice once, and cuts a comment that is too long', async () => {
    const list = make()
    const long = `contract ${'é'.repeat(600)}`
    await ended(list, await list.add([item('192.0.2.1', long), item('192.0.2.1', long)]))
    const [only] = await list.items()
    assert.equal([...(only?.comment ?? '')].length, 500)
  })

  it('reads more items than fit on a page, each once', async () => {
    const list = make()
    const many = Array.from({ length: 1_201 }, (_, n) => `198.51.${100 + (n >> 8)}.${n & 255}`)
    await ended(list, await list.add(many.map((address) => item(address, 'contract'))))
    assert.deepEqual(await texts(list), many.toSorted())
  })

  it('knows nothing of an operation that never was', async () => {
    assert.equal(await make().operation('0'.repeat(32)), null)
  })
}

async function ended(list: AddressList, operation: Operation): Promise<OperationState> {
  for (;;) {
    const state = await list.operation(operation.id)
    assert.ok(state, 'the operation is known')
    if (state.kind === 'completed' || state.kind === 'failed') return state
    await sleep(5)
  }
}
