import { isIP } from 'node:net'
import { Agent, type Dispatcher, EnvHttpProxyAgent } from 'undici'

/**
 * The way out for calls to `url`: through HTTPS_PROXY or HTTP_PROXY as NO_PROXY allows (undici reads the three), and never through
 * a proxy to this machine itself. `ca`: certificates trusted in place of the usual ones, in PEM.
 */
export function createDispatcher(url: string, options: { readonly ca?: string | null } = {}): Dispatcher {
  const tls = options.ca ? { ca: options.ca } : {}
  if (isThisMachine(new URL(url).hostname)) return new Agent({ connect: tls })
  return new EnvHttpProxyAgent({ connect: tls, requestTls: tls })
}

/** Proxies as HTTPS_PROXY, HTTP_PROXY and NO_PROXY name them. */
export interface Proxies {
  readonly https: string | null
  readonly http: string | null
  readonly no: string | null
}

/** The proxy for calls to `url`, chosen as undici chooses it for `createDispatcher`; null: none. For clients that bring their own connections. */
export function proxyFor(url: string, proxies: Proxies | null): string | null {
  const { protocol, hostname, port } = new URL(url)
  if (proxies === null || isThisMachine(hostname)) return null
  const host = hostname.replace(/^\[|\]$/g, '')
  const asked = port || (protocol === 'https:' ? '443' : '80')
  if ((proxies.no ?? '').split(/[,\s]+/).some((entry) => isExempt(host, asked, entry.toLowerCase()))) return null
  return protocol === 'https:' ? (proxies.https ?? proxies.http) : proxies.http
}

/** Whether an entry of NO_PROXY covers the host: `*`, `example.org` with all below it, `.example.org`, `*.example.org`, each with or without `:port`. */
function isExempt(host: string, port: string, entry: string): boolean {
  const [, bracketed, plain = '', only] =
    /^(?:\[(.+)\]|(.+?))(?::(\d+))?$/.exec(isIP(entry) === 6 ? `[${entry}]` : entry) ?? []
  const name = bracketed ?? plain
  if (name === '' || (only !== undefined && only !== port)) return false
  if (name === '*') return true
  const domain = name.replace(/^\*?\./, '')
  return host.endsWith(`.${domain}`) || (host === domain && !name.startsWith('*'))
}

function isThisMachine(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127\./.test(host)
}
