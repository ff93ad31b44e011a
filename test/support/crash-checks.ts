import assert from 'node:assert/strict'
import type { Ban } from '../../src/core/ban.ts'
import type { HistoryEntry } from '../../src/core/history.ts'
import type { AlertRecord } from '../../src/core/outcome.ts'
import type { Gate } from '../../src/simulator/faults.ts'
import { HELD_AT_FIRST } from '../../src/simulator/world.ts'
import type { WorldServer } from '../../src/simulator/world-server.ts'
import type { Ledger } from './crash-life.ts'
import { type CrashStage, foreignOf } from './crash-stage.ts'
import { assertHeldBefore } from './service-burst.ts'
import { termsOf } from './service-stage.ts'
import { until } from './stores-jobs.ts'

const HEALED_WITHIN_MS = 60_000

/** Waits until every alert that was ever accepted is blocked and acknowledged, and all jobs are done; then checks what must hold after any death. */
export async function assertHealed(stage: CrashStage): Promise<Ledger> {
  const { alerts } = stage.world
  const ids = [...stage.accepted.keys()]
  const isDone = (id: string) => alerts.status(id) === 'acknowledged' && alerts.tags(id).join() === 'portcullis:blocked'
  const isOver = async () => ids.every(isDone) && (await stage.jobs()).completed === ids.length
  await until(isOver, HEALED_WITHIN_MS).catch(async () => {
    const open = ids.filter((id) => !isDone(id)).map((id) => `${id} ${alerts.status(id)} [${alerts.tags(id)}]`)
    const jobs = JSON.stringify(await stage.jobs())
    assert.fail(`open: ${open.join()}; jobs: ${jobs}\n${stage.life.log().slice(-4000)}`)
  })
  const ledger = await stage.ledger()
  assertBalanced(stage, ledger)
  assertOthersUntouched(stage)
  assertToldOnce(stage)
  return ledger
}

/** Opens the gate and waits until the call that it held has been carried out, though nobody waits for its answer any more. */
export async function land(gate: Gate, { calls }: Pick<WorldServer, 'calls'>): Promise<void> {
  gate.open()
  await until(() => calls.every(({ fault, status }) => fault !== 'hold' || status !== 0))
}

/** New alerts whose bans are held; answers their addresses. */
export async function sendHeld(stage: CrashStage, count: number): Promise<string[]> {
  const ids = await stage.send(count)
  await assertHealed(stage)
  return ids.map(stage.addressOf)
}

/** Accepted alerts, their outcomes and their jobs are the same number, and none has failed or waits. */
function assertBalanced(stage: CrashStage, { records, jobs }: Ledger): void {
  const ids = [...stage.accepted.keys()].sort()
  const outcomes = records.outcomes as Record<string, AlertRecord>
  assert.deepEqual(Object.keys(outcomes).sort(), ids)
  assert.deepEqual(
    [...new Set(Object.values(outcomes).map(({ outcome }) => outcome))],
    ids.length === 0 ? [] : ['blocked'],
  )
  assert.deepEqual(jobs, { waiting: 0, active: 0, delayed: 0, completed: ids.length, failed: 0 })
  assert.deepEqual(records.parked, {})
}

export function assertOthersUntouched(stage: CrashStage): void {
  assert.deepEqual(foreignOf(stage.world), stage.foreign())
}

/** A call whose answer was recorded before a death was not made again after it. */
function assertToldOnce(stage: CrashStage): void {
  for (const address of stage.accepted.values()) {
    const heard = stage.heard(address)
    assert.ok(heard >= 1, `nobody was told of ${address}`)
    const before = stage.recorded.get(address)
    if (before !== undefined) assert.equal(heard, before, `${address} was told again after its answer was recorded`)
  }
}

/** The rule lists what it held at first and these addresses, the ledger has one ban for each of them, decided, counted and put in once. */
export function assertHeld({ records }: Ledger, addresses: readonly string[], edge = 'shop'): void {
  const bans = records.bans as Record<string, Ban>
  const ours = Object.values(bans).filter(({ reasons }) => reasons.some(({ origin }) => origin === 'alert'))
  assert.deepEqual(ours.map(({ address }) => address).sort(), [...addresses].sort())
  for (const ban of ours) {
    assert.equal(ban.edges[edge]?.held, true)
    assert.deepEqual([ban.offence, ban.reasons.length], [1, 1], ban.address)
  }
  assertNoted(historyIn({ records }), 'put-in', addresses, edge)
}

/** As `assertHeld`, where bans are in the rule. */
export function assertHeldByRule(stage: CrashStage, ledger: Ledger, addresses: readonly string[]): void {
  assert.deepEqual(termsOf(stage.world).sort(), [...HELD_AT_FIRST, ...addresses].sort())
  assertHeld(ledger, addresses)
  const ids = [...stage.accepted.keys()]
  assertHeldBefore(stage.world, ids, [...stage.accepted.values()])
}

/** The history tells of each of the addresses, and of no write twice. */
export function assertNoted(
  history: readonly HistoryEntry[],
  kind: string,
  addresses: readonly string[],
  edge?: string,
): void {
  const entries = history.filter((entry) => entry.kind === kind && (edge === undefined || entry.edge === edge))
  for (const address of addresses) {
    const noted = entries.filter((entry) => entry.addresses.includes(address))
    assert.ok(noted.length > 0, `the history has no ${kind} of ${address}`)
    assert.equal(
      new Set(noted.map(({ versionAfter }) => versionAfter)).size,
      noted.length,
      `${kind} of ${address}, twice`,
    )
  }
}

export function historyIn({ records }: Pick<Ledger, 'records'>): HistoryEntry[] {
  return Object.values(records.history) as HistoryEntry[]
}
