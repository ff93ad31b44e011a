import { deepEqual, equal, ok } from 'node:assert/strict'
import { coveredByOne } from '../../src/core/address-set.ts'
import type { Ban } from '../../src/core/ban.ts'
import { parseExpression } from '../../src/core/expression/parse.ts'
import { serializeExpression } from '../../src/core/expression/serialize.ts'
import type { HistoryEntry } from '../../src/core/history.ts'
import type { AlertRecord } from '../../src/core/outcome.ts'
import type { Records, Rule } from '../../src/ports.ts'
import type { FakeEdge } from './fake-edge.ts'
import { isLive, type MonthOracle, narrowest, rankOn, type Suspect } from './month-oracle.ts'
import { othersIn, type ZoneTruth } from './month-people.ts'
import type { MonthSiem } from './month-siem.ts'
import { ownRule, termsIn } from './settle-world.ts'

/** What the test knows of one alert. */
export interface Raised {
  readonly id: string
  readonly address: string
  readonly event: number
  /** The newest decision, and what was to come of it. */
  decidedAt: number | null
  acknowledgedAt: number
  answer: string
}

/** After a pass, a zone lists what is wanted there and nothing else; answers whether there was room for all of it. */
export function checkZone(it: ZoneTruth, oracle: MonthOracle, heldBefore: ReadonlySet<string>, now: number): boolean {
  const { name, edge, limit } = it.zone
  const { own, terms, others } = shownAt(edge)
  const when = `${name} at ${new Date(now).toISOString()}`
  deepEqual(others, it.others, `rules of others, ${when}`)
  if (it.contested) return true
  if (own !== undefined) equal(own.enabled !== false, it.enabled, `switched on, ${when}`)
  const wanted = oracle.wantedOn(name, now)
  // As we write it: a person may have left the parentheses out.
  const clauses = own === undefined ? [] : parseExpression(String(own.expression)).clauses
  const length = serializeExpression({ terms, clauses }).length
  const [exactly, covered] = [new Set(terms), coveredByOne(terms)]
  const missing = wanted.filter(({ address }) => !exactly.has(address) && !covered(address))
  if (missing.length > 0 && !fits(narrowest(wanted.map((w) => w.address)), terms, length, limit))
    checkFull(it, { wanted, missing, terms, length, heldBefore, when })
  else deepEqual([...terms].sort(), narrowest(wanted.map((w) => w.address)), when)
  return missing.length === 0
}

function fits(all: readonly string[], terms: readonly string[], length: number, limit: number): boolean {
  return length - lengthOf(terms) + lengthOf(all) <= limit
}

/** Nobody waits for the sake of one who ranks below him. */
function checkFull(
  { zone }: ZoneTruth,
  found: {
    readonly wanted: readonly Suspect[]
    readonly missing: readonly Suspect[]
    readonly terms: readonly string[]
    readonly length: number
    readonly heldBefore: ReadonlySet<string>
    readonly when: string
  },
): void {
  const { wanted, missing, terms, length, heldBefore, when } = found
  const byAddress = new Map(wanted.map((w) => [w.address, w]))
  for (const term of terms) ok(byAddress.has(term), `nobody asked for ${term}, ${when}`)
  deepEqual([...terms].sort(), narrowest(terms), when)
  const classOf = (it: Suspect) => rankOn(it, zone.name) * 2 + (heldBefore.has(it.address) ? 0 : 1)
  for (const one of missing) {
    const above = terms.filter((term) => classOf(byAddress.get(term) as Suspect) <= classOf(one))
    const full = length - lengthOf(terms) + lengthOf(above) + lengthOf([one.address])
    ok(full > zone.limit, `${one.address} would have a place, ${when}`)
  }
}

function lengthOf(terms: readonly string[]): number {
  return terms.reduce((sum, term) => sum + term.length + 1, 0)
}

/** The ledger has the offences and ends that the oracle has. */
export async function checkLedger(records: Records, oracle: MonthOracle, now: number): Promise<void> {
  const bans = new Map((await records.all<Ban>('bans')).map(({ id, doc }) => [id, doc]))
  const when = new Date(now).toISOString()
  for (const { address, alert } of oracle.suspects.values()) {
    const ban = bans.get(address)
    const reason = ban?.reasons.find((r) => r.origin === 'alert')
    const found = reason && { offence: ban?.offence, lasts: reason.durationMs, until: reason.until }
    const until = alert?.until == null ? null : new Date(alert.until).toISOString()
    const wanted = alert === null ? undefined : { offence: alert.offence, lasts: alert.durationMs, until }
    deepEqual(found, wanted, `${address} at ${when}`)
  }
}

/** What may be said of an alert by acknowledging it: that its ban is in force everywhere, or was until its own end. */
export function isTrueOf(raised: Raised, oracle: MonthOracle, truths: readonly ZoneTruth[], now: number): boolean {
  const { alert, past } = oracle.of(raised.address)
  const isOver =
    alert === null ? past?.how === 'ended' && past.endedAt >= (raised.decidedAt ?? now) : !isLive(alert, now)
  return isOver || truths.every((it) => isIn(inForce(it), raised.address))
}

function isIn(terms: readonly string[], address: string): boolean {
  return terms.includes(address) || coveredByOne(terms)(address)
}

/** Terms that let nobody in, as far as anybody can know who reaches no more than the service. */
export function inForce({ zone, contested, reached }: ZoneTruth): readonly string[] {
  if (zone.down) return reached
  const { own, terms } = shownAt(zone.edge)
  return contested || own === undefined || own.enabled === false ? [] : terms
}

interface Shown {
  readonly version: number
  readonly own: Rule | undefined
  readonly terms: readonly string[]
  readonly others: readonly Rule[]
}

const shown = new WeakMap<FakeEdge, Shown>()

/** The newest version; reading each once is enough. */
function shownAt(edge: FakeEdge): Shown {
  const known = shown.get(edge)
  if (known?.version === edge.version()) return known
  const rules = edge.rules()
  const made = { version: edge.version(), own: ownRule(rules), terms: termsIn(rules) ?? [], others: othersIn(rules) }
  shown.set(edge, made)
  return made
}

/** Every version of the zone is told by the history or was a person's, term by term. */
export function checkHistory(it: ZoneTruth, history: readonly HistoryEntry[]): void {
  const { edge, name } = it.zone
  const told = Map.groupBy(
    history.filter((entry) => entry.edge === name && entry.versionAfter !== undefined),
    (entry) => entry.versionAfter as number,
  )
  const addresses = (version: number, kinds: readonly string[]) =>
    (told.get(version) ?? []).filter(({ kind }) => kinds.includes(kind)).flatMap((entry) => entry.addresses)
  for (let version = 1; version <= edge.version(); version++) {
    const [was, is] = [version - 1, version].map((v) => textsIn(edge.at(v) ?? []))
    const gained = (is as string[]).filter((term) => !was?.includes(term)).sort()
    const lost = (was as string[]).filter((term) => !is?.includes(term)).sort()
    const by = it.byHand.has(version) ? 'a person' : 'us'
    const why = `version ${version} of ${name}, by ${by}`
    if (by === 'us') {
      deepEqual(addresses(version, ['put-in']).sort(), gained, `put in: ${why}`)
      deepEqual(addresses(version, ['taken-out']).sort(), lost, `taken out: ${why}`)
    } else {
      for (const term of addresses(version, ['adopted'])) ok(gained.includes(term), `adopted ${term}: ${why}`)
      for (const term of addresses(version, ['released', 'stale-copy', 'accident']))
        ok(lost.includes(term), `lost ${term}: ${why}`)
    }
  }
}

function textsIn(rules: NonNullable<ReturnType<ZoneTruth['zone']['edge']['at']>>): string[] {
  const own = ownRule(rules)
  return own === undefined ? [] : parseExpression(String(own.expression)).terms.map((term) => term.text)
}

/** Each alert has its outcome, which Elastic shows; answers how many have which. */
export async function checkAlerts(
  records: Records,
  siem: MonthSiem,
  raised: ReadonlyMap<string, Raised>,
  waitsFor: (id: string) => { readonly state: string | null; readonly waiting: string | undefined },
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  const all = await records.get<AlertRecord>('outcomes', [...raised.keys()])
  for (const [id, alert] of raised) {
    const outcome = all.get(id)?.doc.outcome ?? 'none'
    counts[outcome] = (counts[outcome] ?? 0) + 1
    const may = alert.answer === 'wanted' ? ['blocked', 'lapsed'] : [alert.answer]
    const { waiting, state } = waitsFor(id)
    const found = `${outcome}${outcome === 'none' ? `, ${state}, waiting for ${waiting}` : ''}`
    ok(may.includes(outcome), `${id} about ${alert.address} ended as ${found}, not as ${may.join(' or ')}`)
    equal(siem.status.get(id), outcome === 'blocked' ? 'acknowledged' : 'open', `${id}, ${outcome}`)
    // Nothing hangs on the tag of one that lapsed: it is not sent again where Elastic was down.
    if (outcome !== 'lapsed') equal(siem.tags.get(id), outcome, `the tag of ${id}`)
  }
  return counts
}
