import type { Config } from './config.ts'

/** Every secret value of the configuration, for the logger to keep out of its lines. */
export function secretsOf(config: Config): string[] {
  const named = [...config.webhookSecrets, ...config.opsTokens, ...config.opsReadTokens].map(({ value }) => value)
  const { elasticsearch, kibana } = config.elastic
  const keys = [config.cloudflare.apiToken, elasticsearch?.apiKey ?? '', kibana?.apiKey ?? '']
  const urls = [
    config.store.kind === 'embedded' ? '' : config.store.url,
    config.proxy?.https ?? '',
    config.proxy?.http ?? '',
  ]
  // Whoever knows such an address may post there: all of it is the secret, and so is its path alone.
  const addresses = [config.notify?.url ?? '', config.heartbeatUrl ?? ''].flatMap((url) => [url, ...pathIn(url)])
  return [...named, ...keys, ...urls.flatMap(passwordsIn), ...addresses].filter((secret) => secret !== '')
}

function pathIn(text: string): string[] {
  const url = URL.parse(text)
  const path = url === null ? '' : url.pathname + url.search
  return path.length < 8 ? passwordsIn(text) : [path, ...passwordsIn(text)]
}

/** As written in the URL and as it is meant. */
function passwordsIn(text: string): string[] {
  const password = URL.parse(text)?.password ?? ''
  try {
    return [password, decodeURIComponent(password)]
  } catch {
    return [password]
  }
}
