import type { HandEffects } from './apply-hands.ts'
import type { Ban } from './ban.ts'
import { type StandingFacts, type Swept, sweep } from './sweep.ts'

/** The bans once people's hands are applied and what no longer stands is swept out; `facts.released` as it was before the hands. */
export function afterHands(
  before: ReadonlyMap<string, Ban>,
  effects: HandEffects,
  facts: StandingFacts,
): { bans: Map<string, Ban>; swept: Swept } {
  const bans = new Map(before)
  for (const [address, ban] of effects.put) bans.set(address, ban)
  for (const address of effects.remove) bans.delete(address)
  const swept = sweep([...bans.values()], { ...facts, released: [...facts.released, ...effects.released] })
  for (const ban of swept.put) bans.set(ban.address, ban)
  for (const { ban } of swept.gone) bans.delete(ban.address)
  return { bans, swept }
}
