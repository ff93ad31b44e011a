import { ok } from 'node:assert/strict'
import { addressSet } from '../../src/core/address-set.ts'
import type { Ban } from '../../src/core/ban.ts'
import { settleOnce } from '../../src/pipeline/pass.ts'
import type { Records, Rule, Ruleset } from '../../src/ports.ts'
import { ownRule, termsIn, type World } from './settle-world.ts'

/** A pass that stands still before each of its calls until it is told to go on, or that it has crashed. */
export interface PassTask {
  readonly holder: string
  readonly done: () => boolean
  /** Lets it make so many calls. */
  step(calls: number): Promise<void>
  /** The process is gone: no call is made any more. */
  crash(): Promise<void>
}

/** Nothing to do with the code under test. */
class Crash extends Error {
  override name = 'Crash'
}

export interface Watch {
  /** A PUT replaced a version that its author had not seen. */
  raced: boolean
}

// Waiting for another's lease in steps of 50 ms takes too many.
const HASTE = 40

export function startPass(world: World, holder: string, watch: Watch): PassTask {
  const waiting: { go(): void; crash(): void }[] = []
  let crashed = false
  let done = false
  const gate = () => {
    if (crashed) return Promise.reject(new Crash())
    return new Promise<void>((resolve, reject) => {
      waiting.push({ go: resolve, crash: () => reject(new Crash()) })
    })
  }
  let seen: { version: number; rules: readonly Rule[] } = { version: 0, rules: [] }
  const sees = (ruleset: Ruleset | null) => {
    seen = ruleset ?? { version: 0, rules: [] }
    return ruleset
  }
  const { records, edge, clock } = world
  const gated: Records = {
    ...records,
    get: (collection, ids) => gate().then(() => records.get(collection, ids)),
    all: (collection) => gate().then(() => records.all(collection)),
    async commit(change) {
      await gate()
      const before = await world.bans()
      const written = await records.commit(change)
      for (const { collection, doc } of change.put ?? []) {
        if (written && collection === 'bans') reportedHeld(doc as Ban, before, edge.port.name, seen.rules)
      }
      return written
    },
  }
  const port = {
    ...edge.port,
    read: () => gate().then(() => edge.port.read().then(sees)),
    version: (version: number) => gate().then(() => edge.port.version(version)),
    async write(rules: readonly Rule[]) {
      await gate()
      if (edge.version() !== seen.version) watch.raced = true
      const answer = await edge.port.write(rules)
      sees(answer)
      return answer
    },
  }
  const slow = { now: clock.now, sleep: (ms: number) => gate().then(() => clock.sleep(ms * HASTE)) }
  const allowed = /^(Crash|LeaseLostError)$|502|503|timed out|connection broke|older/
  let failure: unknown = null
  settleOnce(world.deps({ records: gated, edge: port, holder, clock: slow }))
    .catch((error: Error) => {
      if (!allowed.test(error.name) && !allowed.test(error.message)) failure = error
    })
    .finally(() => {
      done = true
    })

  async function settled(): Promise<void> {
    while (waiting.length === 0 && !done) await new Promise(setImmediate)
    if (failure !== null) throw failure
  }
  return {
    holder,
    done: () => done,
    async step(calls) {
      for (let i = 0; i < calls && !done; i++) {
        await settled()
        waiting.shift()?.go()
        await new Promise(setImmediate)
        await settled()
      }
    },
    async crash() {
      await settled()
      crashed = true
      for (const call of waiting.splice(0)) call.crash()
      while (!done) await new Promise(setImmediate)
    },
  }
}

/** A ban becomes held only by what the pass has seen in a rule that is switched on. */
function reportedHeld(ban: Ban, before: ReadonlyMap<string, Ban>, edge: string, rules: readonly Rule[]): void {
  if (!ban.edges[edge]?.held || before.get(ban.address)?.edges[edge]?.held) return
  const own = ownRule(rules)
  ok(own !== undefined && own.enabled !== false, `${ban.address} is reported held, but our rule holds nothing`)
  ok(addressSet(termsIn(rules) ?? []).covers(ban.address), `${ban.address} is reported held, but not in the rule`)
}
