import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { remembered } from './remembered.ts'

export type Family = 4 | 6

/**
 * What may stand in a set of the rule: an address, a CIDR or a range `a..b`. `text` is canonical: lower case, shortest form
 * (RFC 5952), no host bits, no `/32` or `/128`. `first` and `last` (both inclusive) are not for JSON: store `text`.
 */
export interface Term {
  readonly text: string
  readonly family: Family
  readonly first: bigint
  readonly last: bigint
}

declare const parsed: unique symbol

/** One address or one prefix, whose ban means what it says: only the functions of this file can make one. */
export interface Address extends Term {
  /** 0 to 32, or 0 to 128. */
  readonly prefix: number
  readonly [parsed]: true
}

/**
 * Reads an address or a CIDR as a suspect or a person names it; null for everything else.
 *
 * " 10.0.0.5/24 "       ->  10.0.0.0/24
 * "2001:DB8:0::1/128"   ->  2001:db8::1
 * "::ffff:10.0.0.1"     ->  10.0.0.1          so does NAT64's 64:ff9b::10.0.0.1
 * "2002:a00:1::/48"     ->  10.0.0.1          6to4
 * "010.0.0.1", "10.1", "0x0a000001", "fe80::1%eth0", "10.0.0.1:80"  ->  null
 */
export function parseAddress(text: unknown): Address | null {
  if (typeof text !== 'string' || text.length > LONGEST_ADDRESS) return null
  const network = readNetwork(text.trim())
  return network === null ? null : addressOf(unwrapped(network))
}

/** What an automatic ban of this address covers: an IPv6 host changes its address within its /64 at will. */
export function automaticBan(address: Address): Address {
  if (address.family === 4 || address.prefix <= 64) return address
  return addressOf({ family: 6, value: address.first, prefix: 64 })
}

/**
 * Reads one item of a set in the rule; null when it is none. Nothing is unwrapped, for Cloudflare does not either: there
 * `::ffff:1.2.3.4` is an IPv6 address that never matches the client 1.2.3.4.
 */
export function parseTerm(text: string): Term | null {
  if (text.length > LONGEST_TERM) return null
  return termOf(text)
}

// Every pass reads the same texts several times over.
const termOf = remembered(readTerm, 20_000)

function readTerm(text: string): Term | null {
  const dots = text.indexOf('..')
  if (dots >= 0) return rangeOf(readNetwork(text.slice(0, dots)), readNetwork(text.slice(dots + 2)))
  const network = readNetwork(text)
  return network === null ? null : addressOf(network)
}

const LONGEST_ADDRESS = 64
const LONGEST_TERM = 128

interface Network {
  readonly family: Family
  readonly value: bigint
  readonly prefix: number
}

function readNetwork(text: string): Network | null {
  const [, host, length] = /^([\da-f:.]+)(?:\/(0|[1-9]\d{0,2}))?$/i.exec(text) ?? []
  if (host === undefined) return null
  // isIP is strict where ipaddr.js is not: four decimal parts without leading zeros.
  const family = isIP(host)
  if (family !== 4 && family !== 6) return null
  const prefix = length === undefined ? bits(family) : Number(length)
  if (prefix > bits(family)) return null
  return { family, value: family === 4 ? valueOfV4(host) : valueOfV6(host), prefix }
}

function valueOfV4(text: string): bigint {
  return BigInt(text.split('.').reduce((value, part) => value * 256 + Number(part), 0))
}

function valueOfV6(text: string): bigint {
  // ipaddr.js takes ::1.2.3.4 for ::ffff:1.2.3.4, so it never gets to see a dotted tail.
  const tail = text.lastIndexOf(':') + 1
  const hex = text.includes('.') ? text.slice(0, tail) + groupsOf(valueOfV4(text.slice(tail))) : text
  return ipaddr.IPv6.parse(hex).parts.reduce((value, part) => (value << 16n) | BigInt(part), 0n)
}

function groupsOf(v4: bigint): string {
  return `${(v4 >> 16n).toString(16)}:${(v4 & 0xffffn).toString(16)}`
}

// Where an IPv4 address travels inside an IPv6 one: right behind the prefix (RFC 4291 §2.5.5.2, RFC 6052 §2.1, RFC 3056 §2).
const EMBEDDINGS = ['::ffff:0:0/96', '64:ff9b::/96', '2002::/16'].map((text) => readNetwork(text) as Network)

/** An allowlist must not be fooled by an IPv4 address in IPv6 disguise. */
function unwrapped(network: Network): Network {
  if (network.family === 4) return network
  const disguise = EMBEDDINGS.find(({ value, prefix }) => {
    const rest = BigInt(128 - prefix)
    return network.prefix >= prefix && network.value >> rest === value >> rest
  })
  if (disguise === undefined) return network
  const value = (network.value >> BigInt(96 - disguise.prefix)) & 0xffff_ffffn
  return { family: 4, value, prefix: Math.min(32, network.prefix - disguise.prefix) }
}

function addressOf({ family, value, prefix }: Network): Address {
  const hosts = (1n << BigInt(bits(family) - prefix)) - 1n
  const first = value - (value & hosts)
  const text = prefix === bits(family) ? hostText(family, first) : `${hostText(family, first)}/${prefix}`
  return { text, family, prefix, first, last: first + hosts } as Address
}

function rangeOf(from: Network | null, to: Network | null): Term | null {
  if (from === null || to === null || from.family !== to.family || from.value > to.value) return null
  const { family } = from
  if (from.prefix !== bits(family) || to.prefix !== bits(family)) return null
  const text = `${hostText(family, from.value)}..${hostText(family, to.value)}`
  return { text, family, first: from.value, last: to.value }
}

function hostText(family: Family, value: bigint): string {
  const octets = Array.from({ length: bits(family) / 8 }, (_, i) =>
    Number((value >> BigInt(bits(family) - 8 - 8 * i)) & 0xffn),
  )
  return ipaddr.fromByteArray(octets).toString()
}

function bits(family: Family): 32 | 128 {
  return family === 4 ? 32 : 128
}
