import ipaddr from 'ipaddr.js'
import { Refused } from './cloudflare-rules.ts'

export interface ItemLimits {
  /** IPv6 prefixes longer than this are refused. */
  readonly longestIpv6: 64 | 128
}

/** The item as it is stored: shortest form, without `/32` and `/128`; throws Refused. */
export function canonicalItem(value: unknown, kind: 'ip' | 'hostname', limits: ItemLimits, position: number): string {
  const refuse = (reason: string): never => {
    throw new Refused(400, 10035, `invalid value for ${kind} at position ${position}: filters.api.${reason}`)
  }
  if (typeof value !== 'string') return refuse('value must be a string')
  if (kind === 'hostname') return /^[a-z0-9*.-]+$/.test(value) ? value : refuse('invalid hostname')
  const [base = '', length] = value.split('/')
  if (!ipaddr.IPv4.isValidFourPartDecimal(base) && !ipaddr.IPv6.isValid(base)) return refuse('invalid IP address')
  const address = ipaddr.parse(base)
  const bits = address.kind() === 'ipv4' ? 32 : 128
  const prefix = length === undefined ? bits : /^\d{1,3}$/.test(length) ? Number(length) : 999
  if (bits === 32 && !(prefix >= 8 && prefix <= 32))
    return refuse('IPv4 CIDRs should have a prefix length from /8 to /32 inclusive')
  if (bits === 128 && !(prefix >= 12 && prefix <= limits.longestIpv6))
    return refuse(`IPv6 CIDRs should have a prefix length from /12 to /${limits.longestIpv6} inclusive`)
  const network = bits === 32 ? ipaddr.IPv4 : ipaddr.IPv6
  if (prefix < bits && network.networkAddressFromCIDR(`${base}/${prefix}`).toString() !== address.toString())
    return refuse('host bits are set')
  return prefix === bits ? address.toString() : `${address.toString()}/${prefix}`
}
