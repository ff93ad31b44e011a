import { parseAddress, parseTerm } from './address.ts'
import type { Allowed } from './allowed.ts'
import { type Ban, isLive, isOver, newBan, type Reason } from './ban.ts'
import type { Offence } from './decide.ts'
import type { Released } from './guards.ts'

/** Everything that a new store needs to go on where an old one stopped; `schemas/bans.schema.json` checks it. Times are ISO 8601. */
export interface BansExport {
  readonly version: 1
  readonly exportedAt: string
  readonly bans: readonly ExportedBan[]
  readonly offences: readonly Offence[]
  readonly released: readonly Released[]
  readonly allowlist: readonly Allowed[]
}

export interface ExportedBan extends Omit<Ban, 'edges' | 'heldUntil'> {
  /** Names of the edges that held it. */
  readonly heldOn: readonly string[]
}

export function exportBan({ edges, heldUntil: _, ...ban }: Ban): ExportedBan {
  return { ...ban, heldOn: Object.keys(edges).filter((edge) => edges[edge]?.held) }
}

/** What is wrong with the addresses of a file, a line each that begins with the place; empty: nothing. */
export function addressProblems(file: BansExport): string[] {
  const isTerm = (text: string) => parseTerm(text)?.text === text
  const isAddress = (text: string) => parseAddress(text)?.text === text
  const wrong = (list: string, texts: readonly string[], key: string, isRight: (text: string) => boolean) =>
    texts.flatMap((text, at) =>
      isRight(text) ? [] : [`/${list}/${at}${key} is no address in its canonical form: ${quoted(text)}`],
    )
  const bans = file.bans.map(({ address }) => address)
  const seen = new Set<string>()
  const twice = bans.flatMap((address, at) =>
    seen.size === seen.add(address).size ? [`/bans/${at}/address comes twice: ${quoted(address)}`] : [],
  )
  return [
    ...wrong('bans', bans, '/address', isTerm),
    ...twice,
    ...wrong(
      'offences',
      file.offences.map(({ address }) => address),
      '/address',
      isTerm,
    ),
    ...wrong(
      'released',
      file.released.map(({ address }) => address),
      '/address',
      isTerm,
    ),
    ...file.allowlist.flatMap(({ addresses }, at) => wrong(`allowlist/${at}/addresses`, addresses, '', isAddress)),
  ]
}

/**
 * The ban that the ledger is to have: what it has, and the file's reasons that have not ended. Of two ends of one reason the
 * later counts; doing it again changes nothing. Null: nothing of it stands any more.
 */
export function importBan(
  known: Ban | undefined,
  { heldOn, ...exported }: ExportedBan,
  file: { readonly exportedAt: string },
  now: Date,
): Ban | null {
  const reasons = exported.reasons.filter((reason) => isLive(reason, now))
  const before = known ?? { ...newBan(exported.address, now), createdAt: exported.createdAt }
  // A store that began empty took our own terms for people's entries: what the file held there without one was ours.
  const mine = (reason: Reason) =>
    reason.origin === 'edge' &&
    heldOn.includes(reason.id) &&
    reason.at > file.exportedAt &&
    !exported.reasons.some((r) => r.origin === 'edge' && r.id === reason.id)
  const kept = before.reasons.filter((reason) => reasons.length === 0 || !mine(reason))
  const merged = reasons.reduce(withLater, kept)
  const ban: Ban = {
    ...before,
    offence: Math.max(before.offence, reasons.some((r) => r.origin === 'alert') ? exported.offence : 0),
    reasons: merged,
    lastSeen: known !== undefined && known.lastSeen > exported.lastSeen ? known.lastSeen : exported.lastSeen,
  }
  return isOver(ban, now) ? null : ban
}

function withLater(reasons: readonly Reason[], more: Reason): Reason[] {
  const same = (r: Reason) => r.origin === more.origin && (r.origin === 'alert' || r.id === more.id)
  const known = reasons.find(same)
  if (known === undefined) return [...reasons, more]
  return reasons.map((reason) => (reason === known && outlasts(more, known) ? more : reason))
}

function outlasts(a: Reason, b: Reason): boolean {
  return lasting(a) > lasting(b)
}

/** For comparing: ends, then clocks that have not started, by their length, then for ever. */
function lasting({ until, durationMs }: Reason): string {
  if (until !== null) return `1 ${until}`
  return durationMs === null ? '3' : `2 ${String(durationMs).padStart(16, '0')}`
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 60)).replace(/[^\x20-\x7e]/g, '?')
}
