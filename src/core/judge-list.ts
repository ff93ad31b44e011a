import { coveredByOne, withoutCovered } from './address-set.ts'
import { type Ban, isWantedOn, withHolding } from './ban.ts'
import type { Contest } from './edge-state.ts'
import { itemText, writerOf } from './list-item.ts'
import type { Items, ListKnown, ListState } from './list-state.ts'

export interface ListFacts {
  readonly edge: string
  readonly state: ListState
  readonly items: Items
  /** Texts that writes of ours took out whose bans do not say so yet. */
  readonly removed: ReadonlySet<string>
  readonly known: ListKnown
  readonly bans: readonly Ban[]
  /** Our store's id, as comments show it. */
  readonly store: string
  readonly now: Date
}

/** What people did to a list since the last pass, as its items and the ledger show it. */
export interface ListHand {
  readonly adopted: readonly string[]
  readonly released: readonly string[]
  /** Missing by accident: to be put back, once. */
  readonly accident: readonly string[]
  /** Bans that are no longer held, and why: an accident's until they are put back, a contest's while it lasts. */
  readonly unheld: readonly Ban[]
  readonly state: ListState
  readonly known: ListKnown
}

const DAY_MS = 24 * 3600_000
/** Fewer lost items than this are always a person's wish. */
const ACCIDENT_ITEMS = 5
const CONTESTED = 'edge-contested'

/** A list has no versions: what it should hold is what the ledger says it holds, less what our own unfinished writes explain. */
export function judgeList(facts: ListFacts): ListHand {
  const { edge, state, items, removed, known, bans, store, now } = facts
  const isPresent = coveredByOne([...items.keys()])
  const removing = new Set(state.list.attempts.flatMap((attempt) => attempt.removing))
  const people = [...items.values()].filter(({ comment }) => writerOf(comment) === null)
  const seen = new Set(known.adopted)
  const adopted = people.filter(({ id }) => id !== null && !seen.has(id)).map(({ text }) => text)

  const held = bans.filter((ban) => ban.edges[edge]?.held)
  const own = ownItems(held, items, state.list.wide !== null)
  const borrowed = new Set(known.borrowed)
  const missing = [...own].filter(
    ([text]) => !isPresent(text) && !removing.has(text) && !removed.has(text) && !borrowed.has(text),
  )
  const lost = missing.flatMap(([, addresses]) => addresses)
  const contested = stillContested(facts)
  const all = { adopted, released: [], accident: [], unheld: [], known: knownNow(facts, people) }
  if (missing.length < ACCIDENT_ITEMS || missing.length <= own.size / 2)
    return { ...all, released: lost, state: { ...state, contested } }
  const again = state.putBackAt !== null && now.getTime() - Date.parse(state.putBackAt) < DAY_MS
  const gone = new Set(lost)
  const unheld = (why: string) =>
    held.filter(({ address }) => gone.has(address)).map((ban) => withHolding(ban, edge, false, why, now))
  if (again) return { ...all, unheld: unheld(CONTESTED), state: { ...state, contested: contestAt(now, false) } }
  const accident = missing.map(([text]) => text)
  return { ...all, accident, unheld: unheld('put-back'), state: { ...state, contested, putBackAt: now.toISOString() } }

  function stillContested({ state: { contested } }: ListFacts): Contest | null {
    if (contested === null || contested.ruleGone) return null
    const out = bans.filter((ban) => ban.edges[edge]?.why === CONTESTED)
    const back = out.filter(({ address }) => isPresent(address))
    return back.length > 0 && back.length >= out.length / 2 ? null : contested
  }

  function knownNow({ known }: ListFacts, people: readonly { id: string | null }[]) {
    const ids = people.flatMap(({ id }) => (id === null ? [] : [id]))
    const others = bans.flatMap((ban) => {
      const text = isWantedOn(ban, edge, now) ? standsAs(ban.address, items, state.list.wide !== null) : null
      const writer = text === null ? null : writerOf(items.get(text)?.comment ?? '')
      return text === null || writer === null || writer === store ? [] : [text]
    })
    const same = sameTexts(ids, known.adopted) && sameTexts(others, known.borrowed)
    return same ? known : { adopted: ids, borrowed: others }
  }
}

/** The list is gone: whoever deleted it wants nothing of it, until it is back or `resume` makes it anew. */
export function contestAt(now: Date, listGone: boolean): Contest {
  return { at: now.toISOString(), ruleGone: listGone, terms: [] }
}

/** Items that held bans stand on, with the bans; a ban inside a wider one only rides on it. */
function ownItems(held: readonly Ban[], items: Items, wide: boolean): Map<string, string[]> {
  const texts = new Map<string, string[]>()
  for (const { address } of held) {
    const text = standsAs(address, items, wide)
    if (text !== null) texts.set(text, [...(texts.get(text) ?? []), address])
  }
  const widest = new Set(withoutCovered(texts.keys()))
  return new Map([...texts].filter(([text]) => widest.has(text)))
}

function standsAs(address: string, items: Items, wide: boolean): string | null {
  return items.has(address) ? address : itemText(address, wide)
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  const inB = new Set(b)
  return a.length === b.length && a.every((text) => inB.has(text))
}
