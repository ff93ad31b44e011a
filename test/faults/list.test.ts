import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { World } from '../../src/simulator/world.ts'
import { type Cell, some } from '../support/fault-cell.ts'
import { live, type Story } from '../support/fault-story.ts'
import { placesOfSuite, type Row, testRows } from '../support/fault-table.ts'

const CALLS = {
  search: { method: 'GET', path: /rules\/lists$/ },
  read: { method: 'GET', path: '/items', entice: edited },
  write: { method: 'POST', path: '/items' },
  question: { method: 'GET', path: 'bulk_operations' },
} as const

const NO_JSON = /answered \d+ with something that is not its JSON/

const TABLE: readonly Row<keyof typeof CALLS>[] = [
  ['an answer after 2 s', 'search', 'unnoticed', null, 200],
  ['an answer after 2 s', 'write', 'unnoticed', null, 200],
  ['an answer after 2 s', 'question', 'unnoticed', null, 200],
  ['429 with Retry-After: 2', 'search', 'paused', /takes no more calls for 2 s/, 429],
  ['429 with Retry-After: 2', 'write', 'paused', /takes no more calls for 2 s/, 429],
  ['429 with Retry-After: 2', 'question', 'paused', /takes no more calls for 2 s/, 429],
  ['a reset before the answer', 'search', 'again', /it broke the connection/, 'failed'],
  ['a reset before the answer', 'write', 'again', /it broke the connection/, 'failed'],
  ['a reset before the answer', 'question', 'again', /it broke the connection/, 'failed'],
  ['a reset in mid-answer', 'search', 'again', /Cloudflare cannot be reached/, 'failed'],
  ['a reset in mid-answer', 'write', 'found', /Cloudflare cannot be reached/, 'failed'],
  ['a write whose answer is lost', 'write', 'found', /it broke the connection/, 'failed'],
  ['500 with HTML', 'search', 'again', NO_JSON, 500],
  ['502 with HTML', 'read', 'again', NO_JSON, 502],
  ['502 with HTML', 'write', 'again', NO_JSON, 502],
  ['503 with HTML', 'write', 'again', NO_JSON, 503],
  ['520 with HTML', 'question', 'again', NO_JSON, 520],
  ['200 with HTML', 'read', 'again', NO_JSON, 200],
  ['401', 'search', 'parked', /refused the token for the account's lists \(401, code 10000/, 401],
  ['401', 'write', 'parked', /refused the token for the account's lists \(401, code 10000/, 401],
  ['403', 'search', 'parked', /refused the token for the account's lists \(403, code 9109/, 403],
  ['403', 'write', 'parked', /refused the token for the account's lists \(403, code 9109/, 403],
  ['403', 'question', 'parked', /refused the token for the account's lists \(403, code 9109/, 403],
  ['200 with success: false', 'search', 'again', /Cloudflare failed \(200, code 10013/, 200],
  ['200 with success: false', 'write', 'again', /Cloudflare failed \(200, code 10013/, 200],
  ['success: false for what was done', 'write', 'found', /Cloudflare failed \(200\)/, 200],
  ['JSON cut off half-way', 'search', 'again', NO_JSON, 200],
  ['JSON cut off half-way', 'write', 'found', NO_JSON, 200],
  ['JSON of wrong types', 'search', 'again', /unexpected shape: lists that are no list/, 200],
  ['JSON of wrong types', 'write', 'found', /unexpected shape: an operation without an id/, 200],
  ['JSON of wrong types', 'question', 'again', /unexpected shape: an operation in no known state/, 200],
]

const LIFTED = some(2, 4)

/** A person's entry, so that the items are read. */
function edited({ world }: Cell): void {
  world.cloudflare.account.handEdit('portcullis', { add: [{ value: '198.51.100.7' }] })
}

const IN_LIST = { env: { CLOUDFLARE_TARGET: 'list' }, isHeld: listedByAccount } as const

describe('Cloudflare in trouble, with the bans in a list', { concurrency: 12 }, () => {
  const places = placesOfSuite()
  const tell = (sentence: string, story: Pick<Story, 'strike' | 'says' | 'meanwhile'> & Partial<Story>) =>
    it(sentence, (t) =>
      live(t, places(), { ...IN_LIST, degraded: [], struck: () => true, heal: () => undefined, ...story }),
    )
  const resume = async (cell: Cell) => void (await cell.order('POST', '/api/resume', {}))
  const remove = ({ world }: Cell) => world.cloudflare.account.deleteList('portcullis', { force: true })
  const empty = ({ world }: Cell) => world.cloudflare.account.handEdit('portcullis', { replace: [] })
  const waits = { meanwhile: 'wait', degraded: ['edge:list:portcullis'] } as const

  tell('our operation does not end: alerts wait as edge-busy, and it is not sent a second time', {
    ...{ ...waits, says: /edge-busy: Cloudflare has not finished/, withinMs: 45_000 },
    strike: ({ world }) => world.cloudflare.account.operations.failNext({ kind: 'stuck' }),
    struck: ({ world }) => world.cloudflare.account.operations.isBusy(),
    heal: ({ world }) => world.cloudflare.account.operations.finish(),
    after: nobodyElses,
  })

  tell('the list is deleted: alerts wait, and `portcullis resume` makes it anew with all that it held', {
    ...{ ...waits, strike: remove, says: /edge-contested: the list was deleted/, heal: resume },
  })

  tell('the list is deleted and made again by a person: alerts wait, and what it held is written again', {
    ...{ ...waits, strike: remove, says: /edge-contested: the list was deleted/, tick: true },
    heal: ({ world }) => void world.cloudflare.account.createList({ name: 'portcullis', kind: 'ip' }),
  })

  tell('most of the list’s items are taken out: that is an accident, and they are put back once', {
    ...{ meanwhile: 'end', strike: empty, says: /put back/ },
  })

  tell(
    'most of the list’s items are taken out twice: that is a person’s will, alerts wait, and `portcullis resume` ends it',
    {
      ...{ ...waits, says: /edge-contested: most of our items/, heal: resume },
      async strike(cell) {
        empty(cell)
        await cell.app.tick()
        empty(cell)
      },
    },
  )

  tell('another operation of the account is in progress: alerts wait as edge-busy, and go on by themselves', {
    ...{ ...waits, says: /edge-busy: Cloudflare is still busy with another change/ },
    strike({ world: { cloudflare } }) {
      cloudflare.account.operations.failNext({ kind: 'stuck' })
      cloudflare.account.operations.begin(() => null)
    },
    struck: ({ world }) => world.cloudflare.calls.some(({ status }) => status === 429),
    heal: ({ world }) => world.cloudflare.account.operations.finish(),
    counts: ['POST', 429],
  })

  tell('our operation fails: alerts are tried again, the log says why, and the next one carries it out', {
    ...{ meanwhile: 'end', says: /could not change the list portcullis: an internal error/ },
    strike: ({ world }) => world.cloudflare.account.operations.failNext({ kind: 'fail', error: 'an internal error' }),
  })

  tell('Cloudflare forgets our operation: the items are read, and nothing is written twice', {
    ...{ meanwhile: 'end', says: /edge-busy: Cloudflare no longer knows of its change/, after: nobodyElses },
    strike({ world: { cloudflare } }) {
      const body = { success: false, result: null, errors: [{ code: 10001, message: 'could not find bulk operation' }] }
      cloudflare.faults.next(CALLS.question, { kind: 'answer', status: 404, body })
    },
  })

  tell('the account has no room for more items: new alerts wait as edge-full, and go on when bans are lifted', {
    ...{ meanwhile: 'any', says: /waits: edge-full/ },
    strike: ({ world: { cloudflare } }) => void Object.assign(cloudflare.account, { itemQuota: 7 }),
    lifted: LIFTED,
    async heal({ order }) {
      for (const address of LIFTED) await order('DELETE', `/api/bans/${address}`)
    },
  })

  testRows(places, TABLE, CALLS, { ...IN_LIST, after: nobodyElses })
})

function listedByAccount({ cloudflare, zone }: World, address: string): boolean {
  const inForce = zone.rules().some((rule) => rule.enabled !== false && String(rule.expression).includes('$portcullis'))
  return inForce && cloudflare.account.list('portcullis')?.items.has(address) === true
}

async function nobodyElses(cell: Cell): Promise<void> {
  const { bans } = JSON.parse(await cell.order('GET', '/api/bans?origin=edge&limit=100')) as { bans: unknown[] }
  assert.equal(bans.length, 3, 'theirs is what they had put into the rule before')
}
