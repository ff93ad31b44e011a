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
  return [...named, ...keys, ...urls.flatMap(passwordsIn)].filter((secret) => secret !== '')
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
