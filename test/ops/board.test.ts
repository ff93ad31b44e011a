import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { PermanentError } from '../../src/errors.ts'
import { jobOf } from '../support/stores-jobs.ts'
import { finish, startOps, TOKEN } from './harness.ts'

const CANARY = 'canary-evidence-that-nobody-may-see'
const FAILS = 'b'.repeat(64)
const SUCCEEDS = 'a'.repeat(64)

let ops: Awaited<ReturnType<typeof startOps>>
before(async () => {
  ops = await startOps()
  const jobs = [SUCCEEDS, FAILS, 'an id that is hashed'].map((id) =>
    jobOf(id, { checkpoints: { block: { secret: CANARY } } }),
  )
  for (const { data } of jobs) Object.assign(data.alert, { evidence: { 'url.path': CANARY } })
  await ops.queue.add(jobs)
  const outcome = ({ alert }: { alert: { id: string } }) =>
    alert.id === SUCCEEDS ? 'blocked' : new PermanentError('the host refused the request')
  await finish(ops.queue, outcome, jobs.length)
})
after(() => ops.stop())

const put = (path: string, headers: Record<string, string> = {}) => ops.call(path, { method: 'PUT', headers })

describe('the dashboard of the queue', () => {
  it('serves its page and its scripts', async () => {
    const page = await ops.call('/queues/')
    assert.equal(page.status, 200)
    assert.match(page.text, /<base href="\/queues\/"/)
    const script = /src="(static\/js\/main[^"]+)"/.exec(page.text)?.[1]
    assert.equal((await ops.call(`/queues/${script}`)).status, 200)
  })

  it('shows jobs by what they are about, without evidence, outputs or stack traces', async () => {
    const list = await ops.call('/queues/api/queues?activeQueue=alerts&status=latest')
    const job = await ops.call(`/queues/api/queues/alerts/${FAILS}`)
    assert.equal(job.status, 200)
    for (const { text } of [list, job]) {
      assert.match(text, /Local File Inclusion Activity/)
      assert.match(text, /the host refused the request/)
      assert.ok(!text.includes(CANARY))
      assert.doesNotMatch(text, /node_modules|\.ts:\d/)
    }
    assert.deepEqual(job.json.job.data.finishedSteps, ['block'])
  })

  it('answers whatever its page asks for', async () => {
    const asked = ['logs', 'flow'].map((what) => `alerts/${FAILS}/${what}`)
    const about = ['metrics', 'default-job-options', 'rate-limit', 'job-data-schema'].map((what) => `alerts/${what}`)
    for (const path of [...asked, ...about])
      assert.ok((await ops.call(`/queues/api/queues/${path}`)).status < 500, path)
    assert.equal((await ops.call('/queues/api/job-schedulers')).status, 200)
  })

  it('retries one job as a replay, in the name of who asked', async () => {
    assert.equal((await put(`/queues/api/queues/alerts/${SUCCEEDS}/retry`)).status, 204)
    assert.deepEqual(ops.replayed.splice(0), [{ id: SUCCEEDS, by: 'alice' }])
    assert.equal((await put('/queues/api/queues/alerts/nothing/retry')).status, 404)
  })

  it('says of a job that is at work that it was not begun anew', async (t) => {
    ops.atWork.add(SUCCEEDS)
    t.after(() => ops.atWork.clear())
    const answer = await put(`/queues/api/queues/alerts/${SUCCEEDS}/retry`)
    assert.equal(answer.status, 409)
    assert.match(answer.json.message, /at work already/)
    assert.deepEqual(ops.replayed, [])
  })

  it('retries all failed jobs as replays, whatever their ids', async () => {
    const answer = await put('/queues/api/queues/alerts/retry/failed')
    assert.deepEqual(answer.json, { retried: 2, skipped: 0 })
    assert.deepEqual(
      ops.replayed
        .splice(0)
        .map(({ id }) => id)
        .sort(),
      ['an id that is hashed', FAILS].sort(),
    )
  })

  it('refuses whatever else would change something', async () => {
    const { counts } = (await ops.call('/queues/api/queues')).json.queues[0]
    const queue = '/queues/api/queues/alerts'
    for (const path of [
      '/queues/api/queues/pause',
      '/queues/api/queues/resume',
      ...['pause', 'resume', 'empty', 'obliterate', 'promote', 'concurrency', 'rate-limit', 'clean/completed'].map(
        (what) => `${queue}/${what}`,
      ),
      ...['clean', 'promote', 'remove-unprocessed-children'].map((what) => `${queue}/${FAILS}/${what}`),
      `${queue}/retry/completed`,
      `${queue}/RETRY/completed/`,
    ])
      assert.equal((await put(path)).status, 403, path)
    for (const what of ['update-data', 'delay', 'priority']) {
      const path = `${queue}/${FAILS}/${what}`
      assert.equal((await ops.call(path, { method: 'PATCH' })).status, 403, path)
    }
    assert.equal((await ops.post(`${queue}/add`, { name: 'x', data: {} })).status, 403)
    assert.deepEqual((await ops.call('/queues/api/queues')).json.queues[0].counts, counts)
    assert.equal(ops.replayed.length, 0)
  })

  it('retries nothing on behalf of another site', async () => {
    const authorization = `Basic ${Buffer.from(`x:${TOKEN}`).toString('base64')}`
    const path = `/queues/api/queues/alerts/${SUCCEEDS}/retry`
    const retry = async (headers: Record<string, string>) =>
      (await ops.call(path, { method: 'PUT', token: null, headers: { authorization, ...headers } })).status
    assert.equal(await retry({ 'sec-fetch-site': 'cross-site' }), 403)
    assert.equal(await retry({}), 403)
    assert.equal(ops.replayed.length, 0)
    assert.equal(await retry({ 'sec-fetch-site': 'same-origin' }), 204)
  })
})
