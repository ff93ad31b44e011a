import assert from 'node:assert/strict'
import fc from 'fast-check'
import { createCloudflareZone } from '../../src/adapters/cloudflare.ts'
import { createCloudflareList } from '../../src/adapters/cloudflare-list.ts'
import { parseTerm } from '../../src/core/address.ts'
import type { Ruleset } from '../../src/ports.ts'
import { startCloudflare } from '../../src/simulator/cloudflare.ts'
import { assertNamed, MOST_CALLS, MOST_MS } from './fuzz-answer.ts'
import { answersSpoiled, type Spoiled, startProxy } from './fuzz-proxy.ts'
import type { Target } from './fuzz-run.ts'

const CALLS = [
  'read',
  'version',
  'write',
  'dryRun',
  'probe',
  'verifyToken',
  'zoneName',
  'find',
  'items',
  'add',
  'remove',
  'operation',
  'create',
] as const

interface Called {
  readonly call: (typeof CALLS)[number]
  readonly answers: readonly Spoiled[]
}

const RULES = [
  {
    action: 'skip',
    action_parameters: { ruleset: 'current' },
    description: 'never stopped',
    enabled: true,
    expression: 'ssl',
    ref: 'a',
    x: [1],
  },
  {
    action: 'block',
    description: 'webserver scanning block',
    enabled: true,
    expression: '(ip.src in {198.51.100.7})',
    ref: 'ours',
  },
]
const ITEMS = Array.from({ length: 5 }, (_, n) => ({ value: `198.51.100.${n + 1}`, comment: 'by hand' }))

/** Answers of Cloudflare, whatever they are: read as they stand, or an error with a name that holds no secret. */
export async function cloudflareTarget(): Promise<{ target: Target<Called>; close(): Promise<void> }> {
  const cloudflare = await startCloudflare({
    account: { id: 'a'.repeat(32), lists: [{ name: 'blocked', items: ITEMS }] },
    zones: [{ rules: RULES }],
    rateLimit: { requests: 1_000_000, seconds: 1 },
  })
  const proxy = await startProxy(cloudflare.origin)
  const zone = cloudflare.zones[0] ?? assert.fail()
  const common = {
    apiUrl: `${proxy.origin}/client/v4`,
    token: cloudflare.token,
    budget: { take: async () => undefined, close: async () => undefined },
    timeoutMs: MOST_MS,
  }
  return {
    target: {
      name: 'answers of Cloudflare',
      inputs: fc.record({ call: fc.constantFrom(...CALLS), answers: answersSpoiled }),
      async holds({ call, answers }) {
        const edge = createCloudflareZone({ ...common, zone: { name: 'shop', id: zone.id } })
        const list = createCloudflareList({ ...common, accountId: cloudflare.account.id, name: 'blocked' })
        proxy.spoil(answers)
        const before = zone.version()
        const calls: Record<Called['call'], () => Promise<unknown>> = {
          read: async () => assertRuleset(await edge.read()),
          version: async () => assertRuleset(await edge.version(1)),
          write: async () => assertRuleset(await edge.write(RULES)),
          dryRun: () => edge.dryRun(RULES),
          probe: () => edge.probe(),
          verifyToken: () => edge.verifyToken(),
          zoneName: async () => assert.match(String(await edge.zoneName()), /./),
          find: () => list.find(),
          items: async () => (await list.items()).forEach(assertItem),
          add: () => list.add([{ address: '198.51.100.9', comment: 'x' }]),
          remove: () => list.remove(['0'.repeat(32)]),
          operation: () => list.operation('0'.repeat(32)),
          create: () => list.create('x'),
        }
        await assertNamed(calls[call], [cloudflare.token])
        assert.ok(proxy.calls() <= MOST_CALLS, `${proxy.calls()} calls`)
        assert.ok(zone.version() <= before + 1, 'a write was sent twice')
      },
    },
    async close() {
      await proxy.close()
      await cloudflare.close()
    },
  }
}

function assertRuleset(ruleset: Ruleset | null): void {
  if (ruleset === null) return
  assert.ok(ruleset.id !== '' && Number.isSafeInteger(ruleset.version) && ruleset.version >= 0, JSON.stringify(ruleset))
  for (const rule of ruleset.rules) assert.ok(typeof rule.id === 'string' && rule.id !== '')
}

function assertItem({ id, text }: { readonly id: string; readonly text: string }): void {
  assert.ok(id !== '')
  assert.equal(parseTerm(text)?.text, text)
}
