import { automaticBan, parseAddress, parseTerm, type Term } from '../core/address.ts'
import { addressSet } from '../core/address-set.ts'
import type { Ban } from '../core/ban.ts'
import type { Offence } from '../core/decide.ts'
import type { EdgeState } from '../core/edge-state.ts'
import { judge, type Released } from '../core/guards.ts'
import type { HistoryEntry } from '../core/history.ts'
import type { AlertRecord } from '../core/outcome.ts'
import type { Parked } from '../pipeline/parking.ts'
import type { Records } from '../ports.ts'
import { type BanView, bansCovering, readTerm, viewOf } from './ban-view.ts'
import type { ByHandDeps } from './by-hand.ts'
import { termsAt } from './edge-terms.ts'

/** Everything that is known about an address. Lists: the newest first. */
export interface Why {
  readonly message: string
  readonly address: string
  /** The bans of the address itself and of whatever covers it, the narrowest first. */
  readonly bans: readonly BanView[]
  readonly offences: readonly Offence[]
  readonly released: readonly Released[]
  /** The guard that would refuse an alert's ban of it now, and why; null: none would. */
  readonly guarded: { readonly refusal: string; readonly detail: string } | null
  readonly alerts: readonly WhyAlert[]
  /** How many there are; `alerts` are the newest of them. */
  readonly alertsTotal: number
  readonly history: readonly HistoryEntry[]
  readonly edges: readonly { readonly edge: string; readonly lists: string | null; readonly readAt: string | null }[]
}

export interface WhyAlert {
  readonly id: string
  readonly at: string
  readonly rule: string
  readonly playbook: string
  /** null: still at work; `waiting` may say for what. */
  readonly outcome: string | null
  readonly waiting: string | null
  /** False: nothing is decided about it yet. */
  readonly decided: boolean
  /** Why this address was not banned; null: it was wanted, or nothing is decided yet. */
  readonly refusal: string | null
}

const MOST_ALERTS = 50
const MOST_ENTRIES = 100
const PAGE = 1000
const MOST_PAGES = 100

export async function whyOf(deps: ByHandDeps, text: string): Promise<Why> {
  const { records } = deps
  const term = readTerm(text)
  const now = deps.now()
  const [bans, offences, released, outcomes, states, parked, paused] = await Promise.all([
    records.all<Ban>('bans'),
    records.all<Offence>('offences'),
    records.all<Released>('released'),
    records.all<AlertRecord>('outcomes'),
    records.all<EdgeState>('edges'),
    records.all<Parked>('parked'),
    deps.pausing.read(),
  ])
  const covers = meeting(term)
  const found = bansCovering(
    bans.map(({ doc }) => doc),
    term,
  )
  const views = found.map((ban) => viewOf(ban, deps.edges, now))
  const isMissing = views.length === 0 || views.some(({ state }) => state === 'waiting')
  // It may have been woken since.
  const stillWaits = ({ reason }: Parked) =>
    reason === 'paused' ? paused !== null : isMissing || !reason.startsWith('edge-')
  const waits = new Map(parked.map(({ id, doc }) => [id, doc]))
  const alerts = [
    ...outcomes.flatMap(({ id, doc }) => alertOf(id, doc, covers)),
    ...undecided(waits, new Set(outcomes.map(({ id }) => id)), covers),
  ]
    .map((alert) => {
      const wait = waits.get(alert.id)
      // One that has an outcome may have been taken up again since.
      const isAtWork = alert.outcome === null || (wait?.about?.acceptedAt ?? '') > alert.at
      if (wait === undefined || !isAtWork) return alert
      return { ...alert, outcome: null, waiting: stillWaits(wait) ? wait.reason : null }
    })
    .sort((a, b) => (a.at < b.at ? 1 : -1))
  const why = {
    address: term.text,
    bans: views,
    offences: offences.map(({ doc }) => doc).filter(({ address }) => covers(address)),
    released: released.map(({ doc }) => doc).filter((r) => r.until > now.toISOString() && covers(r.address)),
    guarded: await guardOn(
      deps,
      term,
      released.map(({ doc }) => doc),
    ),
    alerts: alerts.slice(0, MOST_ALERTS),
    alertsTotal: alerts.length,
    history: await historyAbout(records, covers),
    edges: deps.edges.map((edge) => {
      const state = states.find(({ id }) => id === edge)?.doc
      const lists = (deps.listed?.(edge) ?? termsAt(state)).find((listed) => addressSet([listed]).covers(term)) ?? null
      return { edge, lists, readAt: state?.lastPass?.at ?? null }
    }),
  }
  return { message: messageFor(why), ...why }
}

/** Nothing at all is known about it. */
export function isUnknown(why: Why): boolean {
  const { bans, offences, released, alerts, history, edges } = why
  const lists = [bans, offences, released, alerts, history]
  return lists.every((list) => list.length === 0) && edges.every(({ lists }) => lists === null) && why.guarded === null
}

function messageFor({ address, bans, edges, guarded }: Omit<Why, 'message'>): string {
  const ban = bans[0]
  const at = edges.filter(({ lists }) => lists !== null).map(({ edge }) => edge)
  if (ban !== undefined && ban.address === address) return `${address} is banned (${ban.state}).`
  if (ban !== undefined) return `${address} is banned as a part of ${ban.address} (${ban.state}).`
  if (at.length > 0) return `${address} is no ban of the ledger, but ${at.join(', ')} lists it.`
  return guarded === null ? `${address} is not banned.` : `${address} is not banned, and is ${guarded.refusal}.`
}

/** Whether a canonical text is the address itself, its /64, or anything wider: what is narrower is another's story. */
function meeting(term: Term): (text: string) => boolean {
  const address = parseAddress(term.text)
  const own = address === null ? term : automaticBan(address)
  return (text) => {
    if (text === own.text || text === term.text) return true
    // Of a hundred thousand texts nearly all are single addresses, and not to be parsed for this.
    if (!WIDE.test(text)) return false
    const other = parseTerm(text)
    return other !== null && addressSet([other]).covers(term)
  }
}

const WIDE = /\/|\.\./

function alertOf(id: string, doc: AlertRecord, covers: (address: string) => boolean): WhyAlert[] {
  const { at, rule, playbook, outcome, waiting } = doc
  const known = { id, at, rule, playbook, outcome, waiting, decided: true }
  if (doc.wanted.some(covers)) return [{ ...known, refusal: null }]
  const refused = doc.refused.find(({ suspect }) => {
    const address = parseAddress(suspect)
    return address !== null && covers(address.text)
  })
  return refused === undefined ? [] : [{ ...known, refusal: refused.refusal }]
}

/** Those that wait without a decision: during a pause, say. */
function undecided(
  waits: ReadonlyMap<string, Parked>,
  decided: ReadonlySet<string>,
  covers: (address: string) => boolean,
): WhyAlert[] {
  return [...waits].flatMap(([id, { about, reason }]) => {
    if (about === undefined || decided.has(id) || !about.addresses.some(covers)) return []
    const { rule, playbook, acceptedAt: at } = about
    return [{ id, at, rule, playbook, outcome: null, waiting: reason, decided: false, refusal: null }]
  })
}

async function guardOn(deps: ByHandDeps, term: Term, released: readonly Released[]): Promise<Why['guarded']> {
  const now = deps.now()
  const facts = { ...(await deps.friends()), by: 'alert' as const, released, tooOld: false, observing: false }
  const judged = judge(term.text, { ...facts, now, decidedAt: now })
  return judged.kind === 'ok' ? null : { refusal: judged.refusal, detail: judged.detail }
}

async function historyAbout(records: Records, covers: (address: string) => boolean): Promise<HistoryEntry[]> {
  const found: HistoryEntry[] = []
  let before: string | undefined
  for (let page = 0; page < MOST_PAGES && found.length < MOST_ENTRIES; page++) {
    const entries = await records.recent<HistoryEntry>('history', {
      limit: PAGE,
      ...(before === undefined ? {} : { before }),
    })
    for (const { doc } of entries) if (doc.addresses.some(covers)) found.push(doc)
    before = entries.at(-1)?.id
    if (entries.length < PAGE) break
  }
  return found.slice(0, MOST_ENTRIES)
}
