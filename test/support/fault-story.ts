import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { acknowledged, type Cell, type CellOptions, type Places, some, startCell, tail } from './fault-cell.ts'
import { OUR_RULE } from './service-stage.ts'
import { until } from './stores-jobs.ts'

/** One cell of a fault matrix, as a story: all is well, it strikes, alerts arrive, people look, it is over. */
export interface Story extends CellOptions {
  /** Lets it strike. */
  strike(cell: Cell): void | Promise<void>
  /** Whether it has struck, and alerts that come now meet it. */
  struck(cell: Cell): boolean
  /** What the alerts do while it lasts: all of them wait, end well all the same, or land in the failed set; or nobody can say. */
  readonly meanwhile: 'wait' | 'end' | 'fail' | 'any'
  /** Parts that `/readyz` names while it lasts. */
  readonly degraded: readonly string[]
  /** What the log says of it; null: nothing of a failure. */
  readonly says: RegExp | null
  /** What the metric counts of Cloudflare's answers: method and status. */
  readonly counts?: readonly [string, string | number]
  /** What the page of the queue says of the alerts that wait or have failed. */
  readonly queue?: RegExp
  /** More that is to be seen while it lasts. */
  look?(cell: Cell, during: readonly string[]): Promise<void>
  /** It strikes other people's rules, too: they are to stay as it leaves them. */
  readonly hitsOthers?: boolean
  /** Takes it away. */
  heal(cell: Cell): void | Promise<void>
  /** Nothing wakes by itself: it takes the look of every minute. */
  readonly tick?: boolean
  /** After all has ended. */
  after?(cell: Cell): Promise<void>
  /** It passes by itself. */
  readonly once?: boolean
  /** Bans that are lifted on the way. */
  readonly lifted?: readonly string[]
  readonly withinMs?: number
}

const HELD_BEFORE = 6

export async function live(t: TestContext, places: Places, story: Story): Promise<void> {
  const cell = await startCell(t, places.next(t), story)
  const earlier = story.prepare ? [] : some(HELD_BEFORE)
  await acknowledged(cell, await cell.send(earlier))
  await until(async () => (await cell.count()).completed === earlier.length)
  let others = rulesOfOthers(cell)
  const office = [...cell.world.cloudflare.account.contents('office')]

  const from = cell.log().length
  await story.strike(cell)
  if (story.hitsOthers) others = rulesOfOthers(cell)
  const during = await cell.send(some(2, 50))
  await until(() => story.struck(cell)).catch(() => assert.fail(`it never struck\n${tail(cell)}`))
  // One that is held already takes a look at the edge, too. Were it the first to look, there would be nothing to write yet.
  during.push(...(await cell.send(earlier.slice(0, 1))))
  if (story.meanwhile === 'fail') await until(async () => (await cell.count()).failed === during.length)
  const waiting = story.meanwhile === 'wait' ? during : []
  assertBalance(cell, await cell.count(), waiting)
  if (story.meanwhile === 'end') await acknowledged(cell, during, story.withinMs)
  await seen(cell, story, () => cell.log().slice(from))
  await story.look?.(cell, during)
  await assertNoSecret(cell)
  assertBalance(cell, await cell.count(), story.once ? [] : waiting)

  await story.heal(cell)
  if (story.tick) await cell.app.tick()
  await acknowledged(cell, during, story.withinMs)
  await until(async () => (await cell.count()).completed === cell.accepted.length)
  const end = await cell.count()
  assertBalance(cell, end, [])
  assert.deepEqual([end.blocked, end.acknowledged], [end.accepted, end.accepted], 'every alert has ended blocked')
  await until(async () => (await cell.degraded()).length === 0).catch(async () =>
    assert.fail(`still degraded: ${JSON.stringify(await cell.degraded())}`),
  )
  await until(() => String(cell.missing()) === String(story.lifted ?? [])).catch(() =>
    assert.fail(`not held in the end: ${cell.missing()}`),
  )
  await story.after?.(cell)
  assert.deepEqual(cell.tooEarly, [], 'none was acknowledged before it was held')
  assert.deepEqual(rulesOfOthers(cell), others, 'other people’s rules are as they were')
  assert.deepEqual([...cell.world.cloudflare.account.contents('office')], office)
  assert.equal(cell.world.zone.overlappingPuts, 0)
  await assertNoSecret(cell)
}

/** Accepted are exactly those that ended, wait, or failed; and what waits is open in Elastic. */
export function assertBalance(cell: Cell, count: Awaited<ReturnType<Cell['count']>>, waiting: readonly string[]): void {
  const { accepted, completed, failed } = count
  assert.equal(accepted, completed + failed + count.waiting, `the count does not balance: ${JSON.stringify(count)}`)
  if (waiting.length > 0) assert.equal(count.waiting, waiting.length, `all of them wait: ${JSON.stringify(count)}`)
  for (const id of waiting) assert.equal(cell.world.alerts.status(id), 'open')
}

async function seen(cell: Cell, story: Story, log: () => string): Promise<void> {
  const { degraded, says, counts } = story
  await until(async () => String((await cell.degraded()).map(({ part }) => part)) === String(degraded)).catch(
    async () => assert.fail(`/readyz names ${JSON.stringify(await cell.degraded())}\n${tail(cell)}`),
  )
  if (says === null) assert.doesNotMatch(log(), /"event\.outcome":"failure"/)
  else
    await until(() => says.test(log()), story.withinMs).catch(() =>
      assert.fail(`the log never says ${says}\n${tail(cell)}`),
    )
  if (story.queue) await until(async () => story.queue?.test(await queueOf(cell)) === true)
  if (counts) assert.ok((await cell.called(...counts)) > 0, `the metric counts no ${counts.join(' ')}`)
}

/** To the letter, in their order, with their ids and refs, and everything that Cloudflare keeps about them. */
export function rulesOfOthers({ world }: Cell): string[] {
  return world.zone.rules().flatMap((rule) => (rule.description === OUR_RULE ? [] : [JSON.stringify(rule)]))
}

/** What the pages of the queue say, job by job. */
async function queueOf(cell: Cell): Promise<string> {
  const pages = ['latest', 'completed', 'failed', 'delayed'].map((state) =>
    cell.order('GET', `/queues/api/queues?activeQueue=alerts&status=${state}&page=1&jobsPerPage=20`),
  )
  return (await Promise.all(pages)).join('\n')
}

async function assertNoSecret(cell: Cell): Promise<void> {
  const pages = ['/readyz', '/metrics', '/api/status', '/api/history'].map(
    async (path) => [path, await cell.order('GET', path)] as const,
  )
  const queue = ['the queue', await queueOf(cell)] as const
  for (const [where, text] of [['the log', cell.log()] as const, queue, ...(await Promise.all(pages))])
    for (const secret of cell.secrets) assert.ok(!text.includes(secret), `${where} gives ${secret} away`)
}
