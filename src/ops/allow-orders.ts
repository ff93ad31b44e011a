import { parseAddress } from '../core/address.ts'
import { addressSet } from '../core/address-set.ts'
import { type Allowed, allowedId, readAllowed } from '../core/allowed.ts'
import { type Ban, isAutomatic } from '../core/ban.ts'
import { messageOf } from '../errors.ts'
import type { Stored } from '../ports.ts'
import { type ByHandDeps, endFrom, inRounds, readDuration, readReason, settled } from './by-hand.ts'
import { historyOf } from './history.ts'
import { OpsRefusal } from './ops-refusal.ts'
import { liftingChange } from './unban.ts'

/** An entry of the allowlist as the API shows it. */
export interface AllowedView extends Allowed {
  /** `ALLOWLIST`: set in the environment · `order`: by `portcullis allow`. */
  readonly source: 'ALLOWLIST' | 'order'
}

export interface AllowAnswer {
  readonly allowed: Allowed
  /** Bans that were lifted for it. */
  readonly lifted: readonly string[]
  readonly error: string | null
}

// Wider friends would switch most of the service off without saying so.
const WIDEST = { 4: 8, 6: 32 } as const

/** `{entry, duration?, reason?}`: never banned from now on, and what bans it is lifted, whoever wanted it. */
export async function allow(deps: ByHandDeps, body: unknown, by: string): Promise<AllowAnswer> {
  const { entry: text, duration, reason } = Object(body) as Record<string, unknown>
  const at = deps.now()
  const until = endFrom(at, readDuration('duration', duration) ?? null)
  const { entry, addresses } = await friendIn(deps, text)
  const allowed: Allowed = { entry, addresses, by, at: at.toISOString(), until, reason: readReason(reason, '') }
  const length = until === null ? '' : `until ${until}`
  const detail = [length, allowed.reason].filter((part) => part !== '').join(': ')
  await deps.records.commit({
    put: [
      {
        collection: 'allowlist',
        id: allowedId(entry),
        doc: allowed,
        expires: until === null ? null : new Date(until),
      },
      historyOf({ kind: 'allowed', addresses: [entry], by, detail }, at, deps.historyForMs),
    ],
  })
  deps.events.ordered({ kind: 'allowed', addresses: [entry], by, reason: detail })
  const lifted = await liftFor(deps, allowed, at)
  const error = await settled(deps)
  return { allowed, lifted, error }
}

/** What the environment and people named as friends. */
export async function allowedNow(deps: ByHandDeps): Promise<AllowedView[]> {
  const given = Map.groupBy(deps.given(), ({ text, note }) => (note === 'ALLOWLIST' ? text : note))
  const fixed = [...given].map(([entry, found]) => ({
    entry,
    addresses: found.map(({ text }) => text),
    ...{ by: 'ALLOWLIST', at: '', until: null, reason: '', source: 'ALLOWLIST' as const },
  }))
  const ordered = (await deps.allowed.list()).map(({ doc }) => ({ ...doc, source: 'order' as const }))
  return [...fixed, ...ordered.sort((a, b) => (a.at < b.at ? -1 : 1))]
}

/** `{entries}`: friends no longer. Those that stand in ALLOWLIST stay. */
export async function disallow(
  deps: ByHandDeps,
  body: unknown,
  by: string,
): Promise<{ removed: string[]; unknown: string[]; fixed: string[] }> {
  const { entries } = Object(body) as { entries?: unknown }
  if (!Array.isArray(entries) || entries.length === 0 || !entries.every((e) => typeof e === 'string'))
    throw new OpsRefusal(400, 'entries must be a list of addresses, CIDRs or host names.')
  const wanted = [...new Set<string>(entries.map((text) => readAllowed(text)?.entry ?? text.slice(0, 100)))]
  const standing = new Map((await deps.allowed.list()).map((stored) => [stored.doc.entry, stored]))
  const fixed = new Set(deps.given().flatMap(({ text, note }) => [text, note]))
  const removed = wanted.filter((entry) => standing.has(entry))
  const at = deps.now()
  if (removed.length > 0) {
    await deps.records.commit({
      put: [historyOf({ kind: 'disallowed', addresses: removed, by }, at, deps.historyForMs)],
      remove: removed.map((entry) => ({ collection: 'allowlist', id: allowedId(entry) })),
    })
    deps.events.ordered({ kind: 'disallowed', addresses: removed, by, reason: '' })
  }
  const missing = wanted.filter((entry) => !standing.has(entry))
  return {
    removed,
    unknown: missing.filter((entry) => !fixed.has(entry)),
    fixed: missing.filter((entry) => fixed.has(entry)),
  }
}

async function friendIn(deps: ByHandDeps, text: unknown): Promise<{ entry: string; addresses: readonly string[] }> {
  const read = typeof text === 'string' ? readAllowed(text) : null
  if (read === null) throw new OpsRefusal(400, 'entry must be an IP address, a CIDR, or a host name with a dot in it.')
  const { entry } = read
  if (read.addresses === null) return { entry, addresses: await resolved(deps, entry) }
  const address = parseAddress(entry)
  if (address !== null && address.prefix < WIDEST[address.family]) {
    const detail = `${entry} is wider than /${WIDEST[address.family]}`
    const message = `Not allowed: too-broad (${detail}). To ban nobody for a while: portcullis pause.`
    throw new OpsRefusal(422, message, {}, { refusal: 'too-broad', detail })
  }
  return { entry, addresses: read.addresses }
}

async function resolved({ allowed }: ByHandDeps, name: string): Promise<string[]> {
  try {
    return await allowed.resolve(name)
  } catch (error) {
    const message = `Not allowed: ${name} cannot be resolved (${messageOf(error)}), so it would protect nobody.`
    throw new OpsRefusal(422, message, {}, { refusal: 'unresolved' })
  }
}

/** The next pass ends automatic bans of friends by itself; those that people wanted end here. */
async function liftFor(deps: ByHandDeps, { entry, addresses, by }: Allowed, at: Date): Promise<string[]> {
  const { records } = deps
  const friends = addressSet(addresses)
  const reason = `${entry} is allowed`
  let met: readonly Stored<Ban>[] = []
  let byHand: readonly Stored<Ban>[] = []
  await inRounds(records, async () => {
    met = (await records.all<Ban>('bans')).filter(({ id }) => friends.overlaps(id))
    byHand = met.filter(({ doc }) => !isAutomatic(doc, at))
    return byHand.length === 0 ? null : liftingChange(deps, byHand, { order: { reason }, by, at, until: null })
  })
  if (byHand.length > 0) deps.events.unban({ addresses: byHand.map(({ id }) => id), by, reason })
  const lifted = met.map(({ id }) => id)
  if (lifted.length > 0) await deps.wake(lifted)
  return lifted
}
