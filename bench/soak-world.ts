import { setTimeout as sleep } from 'node:timers/promises'
import { startCloudflare } from '../src/simulator/cloudflare.ts'
import { startWorld } from '../src/simulator/world.ts'
import { serveParent } from './child.ts'

/* The world of the soak, with Cloudflare's own limits: 4,096 characters a rule, 1,200 calls in five minutes. */

const [latencyMs, zones] = process.argv.slice(2).map(Number) as [number, number]

const world = await startWorld({ elasticsearch: { latencyMs: 20 } })
const ids = Array.from({ length: zones }, (_, n) => String(n + 1).repeat(32))
const cloudflare = await startCloudflare({
  latencyMs,
  zones: ids.map((id, n) => ({ id, name: `zone-${n + 1}.example` })),
})
/** Which address each alert is about, and when a zone's rule first named it. */
const addressBy = new Map<string, string>()

let gate: { open(): void } | null = null

const calls = {
  environment: () => ({
    ...world.environment(),
    CLOUDFLARE_API_URL: cloudflare.url,
    CLOUDFLARE_API_TOKEN: cloudflare.token,
    CLOUDFLARE_ZONE_ID: ids.map((id, n) => `zone-${n + 1}=${id}`).join(),
    CLOUDFLARE_ACCOUNT_ID: '',
  }),
  /** Makes open alerts about `11.a.b.c`, numbered from `first` and repeated after `distinct`; answers the webhook of each. */
  add({ count, first, distinct }: { count: number; first: number; distinct: number }) {
    return Array.from({ length: count }, (_, at) => {
      const sourceIp = addressOf((first + at) % distinct)
      const id = world.alerts.add({ sourceIp })
      addressBy.set(id, sourceIp)
      return world.webhook([id])
    })
  },
  /** Makes open alerts and answers their ids, for a queue that has them already. */
  sketch: ({ count, distinct }: { count: number; distinct: number }) =>
    Array.from({ length: count }, (_, at) => {
      const sourceIp = addressOf(at % distinct)
      const id = world.alerts.add({ sourceIp })
      addressBy.set(id, sourceIp)
      return { id, sourceIp }
    }),
  /** Keeps every PUT from being answered, until `let`. */
  stop() {
    gate = cloudflare.faults.hold({ method: 'PUT' }, 1_000)
  },
  let() {
    cloudflare.faults.clear()
    gate?.open()
  },
  /** Waits for so many acknowledgements; answers how many there are. */
  async acknowledged({ atLeast, withinMs }: { atLeast: number; withinMs: number }) {
    const end = Date.now() + withinMs
    while (world.alerts.changes.length < atLeast && Date.now() < end) await sleep(5)
    return world.alerts.changes.length
  },
  /** Waits until nothing was acknowledged for so long; then says how things stand. */
  async rest({ quietMs }: { quietMs: number }) {
    for (let before = -1; before !== world.alerts.changes.length; await sleep(quietMs))
      before = world.alerts.changes.length
    return state()
  },
  state,
}

export type SoakWorldCalls = typeof calls
serveParent(calls)

function state() {
  const acknowledged = new Set(world.alerts.changes.filter(({ to }) => to === 'acknowledged').map(({ id }) => id))
  const terms = cloudflare.zones.map((zone) => new Set(termsOf(zone.rules())))
  const heldEverywhere = (id: string) => terms.every((held) => held.has(addressBy.get(id) ?? ''))
  const all = [...addressBy.keys()]
  return {
    acknowledged: acknowledged.size,
    /** Open alerts whose address every zone holds, and acknowledged ones whose address some zone does not. */
    forgotten: all.filter((id) => heldEverywhere(id) && !acknowledged.has(id)).length,
    untrue: all.filter((id) => !heldEverywhere(id) && acknowledged.has(id)).length,
    held: terms.map((held) => held.size),
    characters: cloudflare.zones.map((zone) => String(ruleOf(zone.rules())?.expression ?? '').length),
    shortest: Math.min(...all.filter((id) => !heldEverywhere(id)).map((id) => addressBy.get(id)?.length ?? 0)),
    overlapping: cloudflare.zones.reduce((sum, zone) => sum + zone.overlappingPuts, 0),
    puts: cloudflare.count('PUT'),
    refused: cloudflare.calls.filter(({ status }) => status === 429).length,
    calls: cloudflare.calls.map(({ at }) => at),
    tags: Object.fromEntries(
      [...Map.groupBy(all, (id) => world.alerts.tags(id).join())].map(([tag, some]) => [tag, some.length]),
    ),
  }
}

function ruleOf(rules: readonly Record<string, unknown>[]) {
  return rules.find(({ description }) => description === 'webserver scanning block')
}

function termsOf(rules: readonly Record<string, unknown>[]): string[] {
  return String(ruleOf(rules)?.expression ?? '').match(/11(\.\d+){3}/g) ?? []
}

function addressOf(number: number): string {
  return `11.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`
}
