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

function isThisMachine(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127\./.test(host)
}
