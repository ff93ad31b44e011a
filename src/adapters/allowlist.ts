import { lookup } from 'node:dns/promises'
import { request } from 'undici'
import { parseAddress } from '../core/address.ts'
import type { AllowEntry } from '../core/guards.ts'
import { messageOf } from '../errors.ts'
import type { Records } from '../ports.ts'

/** Friends: given as addresses, prefixes and names; names are looked up again and again. */
export interface Allowlist {
  /** A new array after every change; a name that stops resolving keeps its last addresses. */
  entries(): readonly AllowEntry[]
  /** Names that have never been resolved: nobody can say yet whom they protect. */
  unresolved(): readonly string[]
  /** Answers the names that could not be looked up this time. */
  refresh(): Promise<readonly string[]>
}

export interface AllowlistOptions {
  /** Addresses, CIDRs, host names, `self`. */
  readonly given: readonly string[]
  readonly records: Records
  /** Answers the address from which it was asked, as Cloudflare's `/cdn-cgi/trace` does. */
  readonly traceUrl: string
  readonly onError: (name: string, error: unknown) => void
  /** How names become addresses; absent: as the system does it. */
  readonly resolve?: (name: string) => Promise<readonly string[]>
}

/** Starts with what earlier runs resolved, so that a name server that is down at the start protects nobody less. */
export async function openAllowlist(options: AllowlistOptions): Promise<Allowlist> {
  const { given, records } = options
  const fixed = given.flatMap((text): AllowEntry[] => {
    const address = parseAddress(text)
    return address === null ? [] : [{ text: address.text, note: 'ALLOWLIST' }]
  })
  const names = given.filter((text) => parseAddress(text) === null)
  const known = new Map<string, readonly string[]>()
  for (const [id, { doc }] of await records.get<{ addresses: string[] }>('allowlist', names.map(recordId))) {
    known.set(id.slice(PREFIX.length), doc.addresses)
  }
  let entries = all()

  function all(): readonly AllowEntry[] {
    const resolved = [...known].flatMap(([name, addresses]) => addresses.map((text) => ({ text, note: name })))
    return [...fixed, ...resolved]
  }

  /** True: it was looked up. */
  async function refreshOne(name: string): Promise<boolean> {
    try {
      const texts =
        name === 'self' ? [await ownAddress(options.traceUrl)] : await (options.resolve ?? resolveName)(name)
      const addresses = texts.flatMap((text) => parseAddress(text)?.text ?? []).sort()
      if (addresses.length === 0) throw new Error(`${name} has no address`)
      if (addresses.join() === known.get(name)?.join()) return true
      known.set(name, addresses)
      await records.commit({ put: [{ collection: 'allowlist', id: recordId(name), doc: { addresses } }] })
      return true
    } catch (error) {
      options.onError(name, error)
      return false
    }
  }

  return {
    entries: () => entries,
    unresolved: () => names.filter((name) => !known.has(name)),
    async refresh() {
      const before = JSON.stringify([...known])
      const done = await Promise.all(names.map(refreshOne))
      if (JSON.stringify([...known]) !== before) entries = all()
      return names.filter((_, i) => !done[i])
    },
  }
}

const PREFIX = 'name:'

function recordId(name: string): string {
  return `${PREFIX}${name}`
}

/** The addresses of a host name, as the system looks it up. */
export async function resolveName(name: string): Promise<string[]> {
  const found = await lookup(name, { all: true })
  return found.map(({ address }) => address)
}

/** Lines of `key=value`, of which `ip` is ours as the world sees it. */
async function ownAddress(traceUrl: string): Promise<string> {
  const answer = await request(traceUrl, { signal: AbortSignal.timeout(5_000) })
  const text = (await answer.body.text()).slice(0, 4_096)
  const ip = /^ip=(.+)$/m.exec(text)?.[1]
  if (answer.statusCode !== 200 || ip === undefined) {
    throw new Error(
      `${traceUrl} did not say which address we have (${answer.statusCode}): ${messageOf(text.slice(0, 80))}`,
    )
  }
  return ip.trim()
}
