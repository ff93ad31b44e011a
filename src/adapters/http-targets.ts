import ipaddr from 'ipaddr.js'

export interface Targets {
  /** Whether `address`, for which `host` stands, may be called: it is public, or allowed by name or address. */
  allows(host: string, address: string): boolean
}

type Range = [ipaddr.IPv4 | ipaddr.IPv6, number]

/** `allowed`: addresses, CIDRs and host names that may be called although they lie inside; throws on an entry that is none of these. */
export function createTargets(allowed: readonly string[]): Targets {
  const ranges: Range[] = []
  const names = new Set<string>()
  for (const entry of allowed.map((each) => each.trim().toLowerCase())) {
    if (ipaddr.isValid(entry)) ranges.push(whole(ipaddr.process(entry)))
    else if (ipaddr.isValidCIDR(entry)) ranges.push(ipaddr.parseCIDR(entry))
    else if (/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(entry)) names.add(entry)
    else
      throw new Error(
        `"${entry.slice(0, 100)}" is not an address, a CIDR or a host name that http steps could be allowed to call`,
      )
  }
  return {
    allows(host, address) {
      if (names.has(host.toLowerCase().replace(/\.$/, ''))) return true
      if (!ipaddr.isValid(address)) return false
      // An IPv4 address written as IPv6 is the IPv4 address.
      const parsed = ipaddr.process(address)
      if (ranges.some((range) => parsed.kind() === range[0].kind() && parsed.match(range))) return true
      // Every other range is special: loopback, private, link-local, translated, reserved, …
      return parsed.range() === 'unicast' && (parsed.kind() === 'ipv4' || parsed.match(GLOBAL))
    },
  }
}

/** All that is handed out of IPv6 (RFC 4291 §2.4); below it lie, among others, IPv4 addresses in an old disguise: `::127.0.0.1`. */
const GLOBAL = ipaddr.IPv6.parseCIDR('2000::/3')

function whole(address: ipaddr.IPv4 | ipaddr.IPv6): Range {
  return [address, address.kind() === 'ipv4' ? 32 : 128]
}
