import { parseAddress } from './address.ts'

/** Somebody allowed an address, a prefix or a name. The record's id is `allowedId(entry)`; times are ISO 8601. */
export interface Allowed {
  /** Canonical: an address, a CIDR, or a host name in lower case. */
  readonly entry: string
  /** The address itself, or what the name was last resolved to. */
  readonly addresses: readonly string[]
  readonly by: string
  readonly at: string
  /** null: until somebody takes it back. */
  readonly until: string | null
  readonly reason: string
}

// The other records of the collection are `name:…`: what the names of ALLOWLIST were last resolved to.
export const ALLOWED = 'by-hand:'

export function allowedId(entry: string): string {
  return `${ALLOWED}${entry}`
}

/** What an order to allow names: `addresses` is null for a host name. Null for everything else. */
export function readAllowed(text: string): { readonly entry: string; readonly addresses: string[] | null } | null {
  const address = parseAddress(text)
  if (address !== null) return { entry: address.text, addresses: [address.text] }
  const name = text.trim().toLowerCase().replace(/\.$/, '')
  // The last label of a real name is no number, so 10.0.0.300 is a mistyped address; a bare word is a typing error, too.
  return name.length <= 253 && /^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)
    ? { entry: name, addresses: null }
    : null
}
