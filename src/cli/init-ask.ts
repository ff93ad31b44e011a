import { stdin, stdout } from 'node:process'
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'

/** A variable that `init` asks for. */
export interface Question {
  readonly name: string
  /** One line for the flag's help. */
  readonly help: string
  readonly prompt: string
  /** What is typed is not shown. */
  readonly secret?: boolean
  /** Asked only when this variable has been given, and where a value stands beside it, as that. */
  readonly only?: readonly [name: string, value?: string]
  readonly default?: string
}

/** In the order in which they are asked. */
export const questions: readonly Question[] = [
  {
    name: 'CLOUDFLARE_ZONE_ID',
    help: 'the id on the zone’s overview page; name=id names it; several by commas',
    prompt: 'Cloudflare zone id (on the zone’s Overview page; several by commas)',
  },
  {
    name: 'CLOUDFLARE_TARGET',
    help: 'rule: some 250 bans at a time (default); list: thousands, in an IP list of the account',
    prompt: 'Where bans go: rule (some 250 at a time) or list (thousands)',
    default: 'rule',
  },
  {
    name: 'CLOUDFLARE_ACCOUNT_ID',
    help: 'with a list: the id of the account that owns the zone',
    prompt: 'Cloudflare account id (below the zone id on its Overview page)',
    only: ['CLOUDFLARE_TARGET', 'list'],
  },
  {
    name: 'CLOUDFLARE_API_TOKEN',
    help: 'permissions: Zone WAF Edit, Zone Read; for a list also Account Filter Lists Edit',
    prompt: 'Cloudflare API token (Zone WAF: Edit, Zone: Read; for a list also Account Filter Lists: Edit)',
    secret: true,
  },
  { name: 'ELASTICSEARCH_URL', help: 'where Elasticsearch answers', prompt: 'Elasticsearch URL (empty: none)' },
  {
    name: 'ELASTICSEARCH_API_KEY',
    help: 'its API key, the encoded form',
    prompt: 'Elasticsearch API key (encoded)',
    secret: true,
    only: ['ELASTICSEARCH_URL'],
  },
  { name: 'KIBANA_URL', help: 'where Kibana answers, if it shall do the writing', prompt: 'Kibana URL (empty: none)' },
  {
    name: 'KIBANA_API_KEY',
    help: 'its API key, the encoded form',
    prompt: 'Kibana API key (encoded)',
    secret: true,
    only: ['KIBANA_URL'],
  },
  {
    name: 'ALLOWLIST',
    help: 'who is never banned: addresses, CIDRs, host names, self (default: self)',
    prompt: 'Never ban these (addresses, CIDRs, host names, by commas; self is this machine)',
    default: 'self',
  },
]

/** Asks on the terminal until it is closed. Ctrl-D or Ctrl-C rejects. */
export function startAsking(): { ask(question: Question): Promise<string>; close(): void } {
  let hidden = false
  const output = new Writable({
    write(chunk, _encoding, done) {
      if (!hidden) stdout.write(chunk)
      done()
    },
  })
  const lines = createInterface({ input: stdin, output, terminal: true })
  const left = Promise.withResolvers<never>()
  left.promise.catch(() => undefined)
  lines.once('close', () => left.reject(new Error('Nothing was written.')))
  return {
    async ask({ prompt, secret, default: preset }) {
      const asked = lines.question(`${prompt}${preset === undefined ? '' : ` [${preset}]`}: `)
      // The question stands there already; only what is typed is kept back.
      hidden = secret === true
      const answer = (await Promise.race([asked, left.promise])).trim()
      if (hidden) stdout.write('\n')
      hidden = false
      return answer === '' ? (preset ?? '') : answer
    },
    close: () => lines.close(),
  }
}
