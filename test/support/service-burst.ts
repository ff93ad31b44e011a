import assert from 'node:assert/strict'
import { parseExpression } from '../../src/core/expression/parse.ts'
import type { World } from '../../src/simulator/world.ts'
import { addressOf, OUR_RULE, termsOf } from './service-stage.ts'
import { until } from './stores-jobs.ts'

const CONCURRENCY = 20

/** Distinct addresses. */
export function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, n) => addressOf(n))
}

export async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items]
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item)
    }),
  )
}

export async function allAcknowledged(world: World, ids: readonly string[], withinMs: number): Promise<void> {
  await until(() => ids.every((id) => world.alerts.status(id) === 'acknowledged'), withinMs).catch(() => {
    const open = ids.filter((id) => world.alerts.status(id) !== 'acknowledged')
    const tags = [...new Set(open.flatMap((id) => world.alerts.tags(id)))]
    assert.fail(`${open.length} of ${ids.length} alerts are still open [${tags}]`)
  })
}

export function missingFrom(world: World, addresses: readonly string[]): string[] {
  const held = new Set(termsOf(world))
  return addresses.filter((address) => !held.has(address))
}

/** Each acknowledgement came after the zone had a version that lists the address. */
export function assertHeldBefore(world: World, ids: readonly string[], addresses: readonly string[]): void {
  const since = new Map<string, number>()
  for (const { version, rules } of world.zone.history()) {
    const own = rules.find((rule) => rule.description === OUR_RULE)
    const at = Date.parse(String(world.zone.render(version, { rules: false })?.last_updated))
    for (const term of parseExpression(String(own?.expression)).terms)
      if (!since.has(term.text)) since.set(term.text, at)
  }
  for (const change of world.alerts.changes) {
    const address = addresses[ids.indexOf(change.id)] ?? ''
    assert.ok((since.get(address) ?? Number.POSITIVE_INFINITY) <= change.at, `${address} was acknowledged unheld`)
  }
}
