import assert from 'node:assert/strict'

/** One value of each kind that nobody but its owner may read, each as long and as odd as real ones are. */
export const CANARIES = {
  WEBHOOK_SECRET: 'canary-webhook-5f1c9e77aa',
  OPS_TOKEN: 'canary-ops-token-88d1c4/+=',
  OPS_READ_TOKEN: 'canary-read-token-0b77e1',
  CLOUDFLARE_API_TOKEN: 'canary_cloudflare-Zq81x_77',
  ELASTICSEARCH_API_KEY: 'Y2FuYXJ5LWVsYXN0aWM6NzdmYTE=',
  KIBANA_API_KEY: 'Y2FuYXJ5LWtpYmFuYTo5OWMwYg==',
  'STORE_URL, its password': 'c@nary/store+password:1',
  'HTTPS_PROXY, its password': 'canary%proxy@password',
  'NOTIFY_URL, its path': 'canary-T0C4-notify-path',
  'NOTIFY_URL, its password': 'canary-notify-pa55word',
  'HEARTBEAT_URL, its path': 'canary-heartbeat-2c1d',
  'a header of an http step': 'canary-step-header-7b2',
  'a const of a playbook': 'canary-const-19ff',
  'the query of an http step': 'canary-query-6e4',
} as const
export type CanaryName = keyof typeof CANARIES

/** Of which texts of a playbook consist; the store keeps that text. */
export const IN_PLAYBOOKS: readonly CanaryName[] = [
  'a header of an http step',
  'a const of a playbook',
  'the query of an http step',
]

/** Fails where one of the secrets stands in one of the texts: as it is, as in a URL, in JSON, or within base64. */
export function assertNoCanary(texts: Readonly<Record<string, string>>, but: readonly CanaryName[] = []): void {
  const found = Object.entries(texts).flatMap(([where, text]) =>
    (Object.keys(CANARIES) as CanaryName[])
      .filter((name) => !but.includes(name))
      .flatMap((name) => {
        const form = disguises(CANARIES[name]).find((each) => text.includes(each))
        const place = form === undefined ? -1 : text.indexOf(form)
        return form === undefined ? [] : [`${name} in ${where}: …${text.slice(Math.max(0, place - 160), place + 60)}…`]
      }),
  )
  assert.deepEqual(found, [])
}

function disguises(secret: string): string[] {
  // In base64 a text looks differently behind 0, 1 or 2 bytes; the ends depend on what stands around.
  const inside = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift, 'x'), Buffer.from(secret)]).toString('base64')
    return text.slice(shift === 0 ? 0 : 4, Math.floor((shift + secret.length) / 3) * 4)
  })
  return [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    new URL(`http://x:${encodeURIComponent(secret)}@y/`).password,
    ...inside,
  ]
}
