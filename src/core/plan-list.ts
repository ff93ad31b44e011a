import { coveredByOne, withoutCovered } from './address-set.ts'
import { type Ban, isWantedOn, rankOn } from './ban.ts'
import { itemText, writerOf } from './list-item.ts'
import type { Items, ListKnown, ListState } from './list-state.ts'
import { isNew, order } from './plan.ts'

export interface ListPlanFacts {
  readonly edge: string
  readonly state: ListState
  readonly items: Items
  readonly known: ListKnown
  readonly bans: readonly Ban[]
  readonly store: string
  readonly observing: boolean
  readonly now: Date
}

export interface ListPlan {
  /** Texts of items that are missing, with the ban that each is for; those that go first come first. */
  readonly add: readonly { readonly text: string; readonly ban: Ban }[]
  /** Items that are to go. */
  readonly remove: readonly string[]
  /** Wanted here, and no room. */
  readonly waiting: readonly string[]
  /** Held until now, and pushed out by people's entries and operators' bans. */
  readonly displaced: readonly string[]
  /** No item can say it. */
  readonly unsayable: readonly string[]
}

/** The difference between what a list holds and what it should. Room goes as in a rule; where none is known to end, all find it. */
export function planList(facts: ListPlanFacts): ListPlan {
  const { edge, state, items, bans, store, now } = facts
  const wide = state.list.wide !== null
  const wanted = bans
    .filter((ban) => isWantedOn(ban, edge, now) && !(facts.observing && isNew(ban, edge, now)))
    .sort((a, b) => order(a, b, edge, now))
  const texts = new Map<string, Ban>()
  const unsayable = new Set<string>()
  for (const ban of wanted) {
    const text = items.has(ban.address) ? ban.address : itemText(ban.address, wide)
    if (text === null) unsayable.add(ban.address)
    else if (!texts.has(text)) texts.set(text, ban)
  }
  const writers = new Map([...items.values()].map(({ text, comment }) => [text, writerOf(comment)]))
  const others = new Set([...items.keys()].filter((text) => isAnothers(writers.get(text) ?? null, store)))
  const adopted = new Set(facts.known.adopted)
  const candidates = new Set([...withoutCovered(texts.keys()), ...[...texts.keys()].filter((text) => items.has(text))])
  const chosen = new Map<string, Ban>()
  let left = (state.list.full === null ? Number.POSITIVE_INFINITY : state.list.full.total - 1) - others.size
  for (const [text, ban] of texts) {
    if (!candidates.has(text) || others.has(text)) continue
    const stays = items.has(text) && rankOn(ban, edge, now) === 0
    if (left <= 0 && !stays) continue
    chosen.set(text, ban)
    left--
  }
  const isPlaced = coveredByOne([...chosen.keys(), ...others])
  const out = wanted.filter(({ address }) => !isPlaced(address) && !unsayable.has(address))
  const isDisplaced = (ban: Ban) => ban.edges[edge]?.held === true && rankOn(ban, edge, now) === 2
  return {
    add: [...chosen].flatMap(([text, ban]) => (items.has(text) ? [] : [{ text, ban }])),
    remove: [...items.values()]
      .filter(({ text, id }) => !chosen.has(text) && !others.has(text) && isKnown(id, writers.get(text) ?? null))
      .map(({ text }) => text),
    waiting: out.filter((ban) => !isDisplaced(ban)).map(({ address }) => address),
    displaced: out.filter(isDisplaced).map(({ address }) => address),
    unsayable: [...unsayable],
  }

  function isKnown(id: string | null, writer: string | null): boolean {
    return writer === store || (writer === null && id !== null && adopted.has(id))
  }
}

function isAnothers(writer: string | null, store: string): boolean {
  return writer !== null && writer !== store
}
