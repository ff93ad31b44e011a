import { Ajv2020 } from 'ajv/dist/2020.js'
import bansSchema from '../../schemas/bans.schema.json' with { type: 'json' }
import { parseAddress } from '../core/address.ts'
import { type Allowed, allowedId, readAllowed } from '../core/allowed.ts'
import { type Ban, type Forcible, isLive } from '../core/ban.ts'
import type { Offence } from '../core/decide.ts'
import { addressProblems, type BansExport, type ExportedBan, exportBan, importBan } from '../core/export.ts'
import { type GuardFacts, judge, judgeForced, type Released, stillRefused } from '../core/guards.ts'
import type { Friends } from '../pipeline/pass-types.ts'
import type { Change, Records } from '../ports.ts'
import { type ByHandDeps, inRounds, settled } from './by-hand.ts'
import { historyOf } from './history.ts'
import { OpsRefusal } from './ops-refusal.ts'

const checkFile = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true }).compile<BansExport>(bansSchema)

/** What an import came to. */
export interface Imported {
  /** Bans that are new here or have changed. */
  readonly bans: readonly string[]
  readonly unchanged: number
  /** Ended since the file was written. */
  readonly ended: number
  readonly refused: readonly { readonly address: string; readonly refusal: string; readonly detail: string }[]
  readonly offences: number
  readonly allowlist: number
  readonly error: string | null
}

/** All that a new store needs to go on where this one stands; in the order of addresses, so that two files can be compared. */
export async function exportBans(records: Records, now: Date): Promise<BansExport> {
  const [bans, offences, released, allowlist] = await Promise.all([
    records.all<Ban>('bans'),
    records.all<Offence>('offences'),
    records.all<Released>('released'),
    records.all<Allowed>('allowlist'),
  ])
  const at = now.toISOString()
  const standing = allowlist.filter(
    ({ id, doc }) => id === allowedId(doc.entry) && (doc.until === null || doc.until > at),
  )
  return {
    version: 1,
    exportedAt: at,
    bans: byAddress(bans.map(({ doc }) => exportBan(doc))),
    offences: byAddress(offences.map(({ doc }) => doc)),
    released: byAddress(released.map(({ doc }) => doc).filter(({ until }) => until > at)),
    allowlist: standing.map(({ doc }) => doc).sort((a, b) => (a.entry < b.entry ? -1 : 1)),
  }
}

// One commit stays short.
const AT_ONCE = 250
const MOST_PROBLEMS = 20

/** Takes a file of `exportBans`, again as often as anybody likes. What is no such file is refused as a whole, with the places. */
export async function importBans(deps: ByHandDeps, body: unknown, by: string): Promise<Imported> {
  const file = readFile(body)
  const at = deps.now()
  // Friends first: nothing of the file may ban them.
  const allowlist = await importSmall(deps, file, at)
  const friends = await deps.friends()
  const released = (await deps.records.all<Released>('released')).map(({ doc }) => doc)
  const refused: Imported['refused'][number][] = []
  const welcome: ExportedBan[] = []
  const entries = await peoplesEntries(deps.records)
  for (const ban of file.bans) {
    const refusal = refusalOf(ban, { ...friends, released, now: at })
    // What a person put into the rule and what stands there is his, whoever it is; nothing else of it is taken.
    const theirs = entries.has(ban.address) ? ban.reasons.filter(({ origin }) => origin === 'edge') : []
    if (refusal === null) welcome.push(ban)
    else if (theirs.length > 0) welcome.push({ ...ban, reasons: theirs })
    if (refusal !== null && theirs.length < ban.reasons.length) refused.push({ address: ban.address, ...refusal })
  }
  const changed: string[] = []
  let ended = 0
  for (let from = 0; from < welcome.length; from += AT_ONCE) {
    const some = welcome.slice(from, from + AT_ONCE)
    let done: { put: readonly Ban[]; ended: number } = { put: [], ended: 0 }
    await inRounds(deps.records, async () => {
      const merged = await mergeSome(deps.records, some, file, at)
      done = merged
      return merged.change
    })
    changed.push(...done.put.map(({ address }) => address))
    ended += done.ended
  }
  const detail = `${changed.length} bans of a file of ${file.exportedAt}`
  if (changed.length + allowlist > 0) {
    const entry = { kind: 'imported', addresses: changed, by, detail }
    await deps.records.commit({ put: [historyOf(entry, at, deps.historyForMs)] })
    deps.events.ordered({ kind: 'imported', addresses: changed, by, reason: detail })
  }
  const error = await settled(deps)
  const unchanged = Math.max(0, welcome.length - changed.length - ended)
  return { bans: changed, unchanged, ended, refused, offences: file.offences.length, allowlist, error }
}

async function peoplesEntries(records: Records): Promise<ReadonlySet<string>> {
  const bans = await records.all<Ban>('bans')
  return new Set(bans.filter(({ doc }) => doc.reasons.some(({ origin }) => origin === 'edge')).map(({ id }) => id))
}

function readFile(body: unknown): BansExport {
  if (!checkFile(body)) {
    const { version } = Object(body) as { version?: unknown }
    if (typeof version === 'number' && version > 1)
      throw refusedFile([`/version is ${version}: a newer Portcullis wrote it, and this one reads version 1`])
    throw refusedFile((checkFile.errors ?? []).map(({ instancePath, message }) => `${instancePath || '/'} ${message}`))
  }
  const problems = [
    ...addressProblems(body),
    ...body.allowlist.flatMap(({ entry }, at) =>
      readAllowed(entry)?.entry === entry ? [] : [`/allowlist/${at}/entry is no address, CIDR or host name`],
    ),
  ]
  if (problems.length > 0) throw refusedFile(problems)
  return body
}

function refusedFile(problems: readonly string[]): OpsRefusal {
  const more = problems.length > MOST_PROBLEMS ? `\n  … and ${problems.length - MOST_PROBLEMS} more` : ''
  const lines = problems.slice(0, MOST_PROBLEMS).map((problem) => `\n  ${problem}`)
  return new OpsRefusal(400, `Nothing was imported, for this is no file of \`bans export\`:${lines.join('')}${more}`)
}

/** Friends hold for every ban of a file; what an alert wanted must also not have been let out meanwhile. */
function refusalOf(ban: ExportedBan, facts: Friends & { released: readonly Released[]; now: Date }) {
  const address = parseAddress(ban.address)
  // A person's range has no form that the guards read; each pass looks at it as it does at any entry of people.
  if (address === null) return null
  const decidedAt = new Date(ban.createdAt)
  if (ban.reasons.every(({ origin }) => origin === 'alert')) return stillRefused(address, { ...facts, decidedAt })
  const asked: GuardFacts = { ...facts, by: 'operator', tooOld: false, observing: false, decidedAt }
  const forced = forcedIn(ban, facts.now)
  const judged = forced === null ? judge(ban.address, asked) : judgeForced(ban.address, asked, forced)
  return judged.kind === 'ok' ? null : { refusal: judged.refusal, detail: judged.detail }
}

/** What a person has overruled for good reason, as long as that stands. */
function forcedIn({ reasons }: ExportedBan, now: Date): Forcible | null {
  const live = reasons.filter((reason) => reason.origin === 'operator' && reason.note !== '' && isLive(reason, now))
  const overruled = live.map(({ forced }) => forced)
  return overruled.includes('allowlisted') ? 'allowlisted' : overruled.includes('too-broad') ? 'too-broad' : null
}

async function mergeSome(
  records: Records,
  some: readonly ExportedBan[],
  file: BansExport,
  now: Date,
): Promise<{ change: Change | null; put: readonly Ban[]; ended: number }> {
  const known = await records.get<Ban>(
    'bans',
    some.map(({ address }) => address),
  )
  const merged = some.map((ban) => ({
    address: ban.address,
    ban: importBan(known.get(ban.address)?.doc, ban, file, now),
  }))
  const put = merged.flatMap(({ address, ban }) =>
    ban === null || JSON.stringify(ban) === JSON.stringify(known.get(address)?.doc) ? [] : [ban],
  )
  const ended = merged.filter(({ address, ban }) => ban === null && !known.has(address)).length
  if (put.length === 0) return { change: null, put, ended }
  const expect = put.map(({ address }) => ({
    collection: 'bans' as const,
    id: address,
    rev: known.get(address)?.rev ?? 0,
  }))
  return { change: { expect, put: put.map((doc) => ({ collection: 'bans', id: doc.address, doc })) }, put, ended }
}

/** Offences, releases and the allowlist, where the file knows more than we do; answers how many of the allowlist are new. */
async function importSmall(deps: ByHandDeps, file: BansExport, now: Date): Promise<number> {
  const { records, offenceMemoryMs } = deps
  const at = now.toISOString()
  const ids = <T extends { address: string }>(list: readonly T[]) => list.map(({ address }) => address)
  const [offences, released, allowlist] = await Promise.all([
    records.get<Offence>('offences', ids(file.offences)),
    records.get<Released>('released', ids(file.released)),
    records.get<Allowed>(
      'allowlist',
      file.allowlist.map(({ entry }) => allowedId(entry)),
    ),
  ])
  const friends = file.allowlist.filter(
    ({ entry, until }) => !allowlist.has(allowedId(entry)) && (until === null || until > at),
  )
  const put: NonNullable<Change['put']>[number][] = [
    ...file.offences
      .filter(({ address, endedAt }) => endedAt > (offences.get(address)?.doc.endedAt ?? ''))
      .map((doc) => ({ doc, expires: new Date(Date.parse(doc.endedAt) + offenceMemoryMs) }))
      .filter(({ expires }) => expires > now)
      .map(({ doc, expires }) => ({ collection: 'offences' as const, id: doc.address, doc, expires })),
    ...file.released
      .filter(({ address, until }) => until > at && until > (released.get(address)?.doc.until ?? ''))
      .map((doc) => ({ collection: 'released' as const, id: doc.address, doc, expires: new Date(doc.until) })),
    ...friends.map((doc) => ({
      ...{ collection: 'allowlist' as const, id: allowedId(doc.entry), doc },
      expires: doc.until === null ? null : new Date(doc.until),
    })),
  ]
  for (let from = 0; from < put.length; from += AT_ONCE) await records.commit({ put: put.slice(from, from + AT_ONCE) })
  return friends.length
}

function byAddress<T extends { readonly address: string }>(list: readonly T[]): T[] {
  return [...list].sort((a, b) => (a.address < b.address ? -1 : 1))
}
