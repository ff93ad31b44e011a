import { deepEqual, ok } from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { coveredByOne } from '../../src/core/address-set.ts'
import { type Ban, isWantedOn } from '../../src/core/ban.ts'
import { writerOf } from '../../src/core/list-item.ts'
import type { ListMemory } from '../../src/pipeline/list-pass-types.ts'
import { readList } from '../../src/pipeline/list-records.ts'
import type { Records } from '../../src/ports.ts'
import type { AddressList } from '../../src/ports-list.ts'
import { type Action, action } from '../support/list-actions.ts'
import { LIST, type ListWorld, listWorld } from '../support/list-world.ts'
import { HOUR, MINUTE } from '../support/settle-world.ts'

/** Nothing to do with the code under test. */
class Crash extends Error {
  override name = 'Crash'
}

describe('a list and the ledger, whatever happens', () => {
  it('agree at the end; nothing is held that is not there, and no entry of a person is lost', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 40 }), async (actions) => {
        const model = start()
        for (const each of actions) await model.act(each)
        await model.settled()
      }),
      { numRuns: Number(process.env.LIST_RUNS ?? 150) },
    )
  })
})

function start() {
  const world = listWorld()
  const memories: ListMemory[] = [{ seen: null }, { seen: null }]
  /** What people put in and nobody has taken out since. */
  const entries = new Set<string>()
  /** What people took out, where nothing else explains that it is missing, with the time: it is not to come back by itself. */
  const letOut = new Map<string, number>()

  async function pass(holder: number, crashAt: number | null, pause = async () => {}): Promise<string> {
    let left = crashAt ?? Number.POSITIVE_INFINITY
    const step = async () => {
      await pause()
      if (--left <= 0) throw new Crash()
    }
    const records: Records = {
      ...world.records,
      async get(collection, ids) {
        await step()
        return world.records.get(collection, ids)
      },
      async all(collection) {
        await step()
        return world.records.all(collection)
      },
      async commit(change) {
        await step()
        const before = await world.bans()
        const written = await world.records.commit(change)
        for (const { collection, doc } of change.put ?? [])
          if (written && collection === 'bans') reportedHeld(world, doc as Ban, before)
        // The process may die between what it has done and hearing of it.
        await step()
        return written
      },
    }
    const list = Object.fromEntries(
      Object.entries(world.list.port).map(([name, call]) => [
        name,
        typeof call === 'function'
          ? async (...given: unknown[]) => {
              await step()
              const answer = await (call as (...all: unknown[]) => Promise<unknown>)(...given)
              await step()
              return answer
            }
          : call,
      ]),
    ) as unknown as AddressList
    const memory = memories[holder] as ListMemory
    try {
      return (await world.settleList({ records, list, memory, holder: `holder-${holder}` })).state
    } catch (error) {
      if (error instanceof Crash) {
        memory.seen = null
        return 'crashed'
      }
      ok(/503|timed out|connection broke|LeaseLost/.test(String(error)), String(error))
      return 'failed'
    }
  }

  async function act(each: Action): Promise<void> {
    switch (each.kind) {
      case 'alert':
        // An alert that comes before a pass has seen the hand belongs to the ban that the hand ends.
        await world.alert(each.address, { durationMs: HOUR })
        return
      case 'operator':
        letOut.delete(each.address)
        return world.operatorBan(each.address)
      case 'unban':
        // An entry that no pass has seen yet is one that the operator has not seen either.
        if (await isAdopted(each.address)) entries.delete(each.address)
        return world.unban(each.address)
      case 'put':
        if (world.list.items() !== null) {
          world.list.put(each.address, 'by hand')
          entries.add(each.address)
          letOut.delete(each.address)
        }
        return
      case 'take':
        if (await isPlainHand(each.address)) letOut.set(each.address, world.clock.now().getTime())
        world.list.take(each.address)
        entries.delete(each.address)
        return
      case 'wipe':
        world.list.take(...world.texts())
        entries.clear()
        letOut.clear()
        return
      case 'delete':
        world.list.remove()
        entries.clear()
        letOut.clear()
        return
      case 'pass':
        if ((await pass(each.holder, each.crashAt)) === 'ok') noneCameBack()
        for (const text of entries) ok(world.list.items()?.has(text), `${text} of a person is gone`)
        return
      case 'both': {
        let turn = 0
        const pause = async () => {
          const turns = each.pauses[turn++ % each.pauses.length] ?? 0
          for (let n = 0; n < turns; n++) await new Promise(setImmediate)
        }
        await Promise.all([pass(0, null, pause), pass(1, null, pause)])
        return
      }
      case 'fate':
        world.list.fates.push(each.fate)
        return
      case 'land':
        return land()
      case 'restart':
        for (const memory of memories) memory.seen = null
        return
      case 'resume':
        if ((await world.listState()) !== undefined) await world.resume(LIST)
        return
      case 'wait':
        return world.clock.advance(each.ms)
    }
  }

  /** An addition of ours that arrives over a person's makes the item ours: nobody can tell that any more. */
  function land(): void {
    world.list.land()
    for (const text of entries)
      if (writerOf(world.list.items()?.get(text)?.comment ?? '') !== null) entries.delete(text)
  }

  /** The one item that is missing, of a held ban, and no write of ours is on its way. */
  async function isPlainHand(text: string): Promise<boolean> {
    const state = await world.listState()
    const ban = (await world.bans()).get(text)
    const isThere = coveredByOne(world.texts().filter((other) => other !== text))
    const others = [...(await world.bans()).values()].filter((other) => other.edges[LIST]?.held && other !== ban)
    return (
      state !== undefined &&
      state.list.attempts.length + world.list.waiting() === 0 &&
      state.contested === null &&
      world.list.items()?.has(text) === true &&
      ban?.edges[LIST]?.held === true &&
      others.every((other) => world.texts().includes(other.address)) &&
      !isThere(text)
    )
  }

  function noneCameBack(): void {
    for (const [text, at] of letOut) {
      if (world.clock.now().getTime() - at > 20 * HOUR) letOut.delete(text)
      else ok(!world.texts().includes(text), `${text} is back, although a person let it out`)
    }
  }

  async function isAdopted(text: string): Promise<boolean> {
    const [ban, known] = [(await world.bans()).get(text), (await readList(world.records, 'portcullis')).known]
    const id = world.list.items()?.get(text)?.id
    return ban?.reasons.some(({ origin }) => origin === 'edge') === true && known.adopted.includes(id ?? '')
  }

  async function settled(): Promise<void> {
    world.list.fates.length = 0
    while (world.list.waiting() > 0) land()
    world.clock.advance(10 * MINUTE)
    let state = await pass(0, null)
    if (state === 'edge-contested') {
      await world.resume(LIST)
      state = await pass(0, null)
    }
    for (let n = 0; n < 3 && state === 'edge-busy'; n++) state = await pass(0, null)
    deepEqual(state, 'ok')
    await pass(0, null)
    const bans = [...(await world.bans()).values()].filter((ban) => isWantedOn(ban, LIST, world.clock.now()))
    const isThere = coveredByOne(world.texts())
    for (const ban of bans) ok(isThere(ban.address) && ban.edges[LIST]?.held, `${ban.address} is not held`)
    const isMeant = coveredByOne(bans.map((ban) => ban.address))
    for (const text of world.texts()) ok(isMeant(text), `${text} is in the list, and no ban`)
    for (const [text, { comment }] of world.list.items() ?? [])
      ok(entries.has(text) === (writerOf(comment) === null), `${text}: whose it is got lost (${comment})`)
  }

  return { act, settled }
}

/** A ban becomes held only when the list has it. */
function reportedHeld(world: ListWorld, ban: Ban, before: ReadonlyMap<string, Ban>): void {
  if (!ban.edges[LIST]?.held || before.get(ban.address)?.edges[LIST]?.held) return
  ok(coveredByOne(world.texts())(ban.address), `${ban.address} is reported held, but not in the list`)
}
