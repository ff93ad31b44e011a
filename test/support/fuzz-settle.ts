import assert from 'node:assert/strict'
import fc from 'fast-check'
import { parseEnvelope, parseRuleset } from '../../src/adapters/cloudflare-answer.ts'
import { parseExpression } from '../../src/core/expression/parse.ts'
import type { Edge, Rule, Ruleset } from '../../src/ports.ts'
import type { FakeEdge } from './fake-edge.ts'
import { type Cut, cuts, mutated } from './fuzz-mutate.ts'
import type { Target } from './fuzz-run.ts'
import { type PipelineWorld, pipelineWorld } from './service-pipeline.ts'

interface Story {
  /** What becomes of every other answer about the rules, in order; null: nothing. Two that lie alike, one behind the other, are no mistake. */
  readonly lies: readonly (Cut | null)[]
  /** Whether the service had seen the zone before the first of them. */
  readonly known: boolean
}

const OURS = 'webserver scanning block'
const FOREIGN: readonly Rule[] = [
  {
    action: 'skip',
    action_parameters: { ruleset: 'current' },
    description: 'monitoring',
    enabled: true,
    expression: 'ip.src in {192.0.2.200}',
    ref: 'skip',
  },
  {
    action: 'block',
    description: 'no admin',
    enabled: false,
    expression: '(http.host eq "a) or (b")',
    ref: 'admin',
    x_unknown: { nested: [1, null] },
  },
]
const CLAUSE = 'ssl'
const ADDRESSES = ['198.51.100.1', '198.51.100.2', '198.51.100.3']
const MOST_MS = 5_000
const MOST_ROUNDS = 12

const lie = cuts(1).map(([cut = null]) => cut)

/** Answers about the rules, one part of each wrong: no rule of others is lost, nothing acknowledged that is not held, and all heals. */
export function settleTarget(): { target: Target<Story>; close(): Promise<void> } {
  return {
    target: {
      name: 'lies about the rules',
      inputs: fc.record({ lies: fc.array(lie, { minLength: 1, maxLength: 6 }), known: fc.boolean() }),
      async holds({ lies, known }) {
        const begun = performance.now()
        const world = pipelineWorld({ env: { ALLOW_DOCUMENTATION_RANGES: 'true' } })
        const edge = world.edges[0] ?? assert.fail()
        edge.edit(() => [
          FOREIGN[0] ?? {},
          {
            description: OURS,
            action: 'block',
            enabled: true,
            ref: 'ours',
            expression: `${CLAUSE} or (ip.src in {203.0.113.9})`,
          },
          FOREIGN[1] ?? {},
        ])
        const before = foreignIn(edge.rules())
        const waiting: (Cut | null)[] = []
        Object.assign(edge.port, lying(edge.port, waiting))
        world.siem.before = async (marks) => {
          for (const { id, status } of marks)
            if (status === 'acknowledged') assertHeld(edge, world.queue.data(id).alert.suspects)
        }
        if (known) await world.tick()
        waiting.push(...lies.flatMap((lie) => [lie, null]))
        const ids: string[] = []
        for (const address of ADDRESSES) {
          ids.push(await world.deliver(address))
          await run(world, ids)
        }
        for (let round = 0; round < MOST_ROUNDS && !isOver(world, ids); round++) await run(world, ids)
        for (const rules of edge.sent) assertWhole(rules, before)
        assert.deepEqual(
          ids.map((id) => world.siem.status.get(id)),
          ids.map(() => 'acknowledged'),
        )
        assert.ok(performance.now() - begun < MOST_MS, `took ${performance.now() - begun} ms`)
      },
    },
    close: async () => {},
  }
}

/** A minute passes, and every job that waits looks again. */
async function run(world: PipelineWorld, ids: readonly string[]): Promise<void> {
  for (const id of ids) if (!['completed', 'failed'].includes(world.queue.state(id) ?? '')) await world.queue.run(id)
  world.clock.advance(61_000)
  await world.tick()
  for (const id of ids) if (!['completed', 'failed'].includes(world.queue.state(id) ?? '')) await world.queue.run(id)
}

function isOver(world: PipelineWorld, ids: readonly string[]): boolean {
  return ids.every((id) => world.queue.state(id) === 'completed')
}

function lying(edge: Edge, waiting: (Cut | null)[]): Pick<Edge, 'read' | 'version' | 'write'> {
  const real = { ...edge }
  const told = (ruleset: Ruleset): Ruleset => {
    const cut = waiting.shift() ?? null
    const result = { ...ruleset, version: String(ruleset.version), kind: 'zone', phase: 'http_request_firewall_custom' }
    const answer = mutated({ success: true, errors: [], messages: [], result }, cut === null ? [] : [cut])
    const { failure, result: given } = parseEnvelope(
      { status: 200, text: JSON.stringify(answer) ?? '', retryAfter: null },
      '',
    )
    if (failure !== null) throw failure
    return parseRuleset(given)
  }
  const orNull = (ruleset: Ruleset | null) => ruleset && told(ruleset)
  return {
    read: async () => orNull(await real.read()),
    version: async (version) => orNull(await real.version(version)),
    write: async (rules) => told(await real.write(rules)),
  }
}

function assertHeld(edge: FakeEdge, suspects: readonly string[]): void {
  const own = edge.rules().find(({ description }) => description === OURS)
  const held = parseExpression(String(own?.expression)).terms.map(({ text }) => text)
  for (const suspect of suspects) assert.ok(held.includes(suspect), `${suspect} was acknowledged, and is not held`)
}

/** Rules of others as they were and where they were, and ours with its foreign clause and nothing but addresses beside it. */
function assertWhole(rules: readonly Rule[], before: readonly string[]): void {
  assert.deepEqual(foreignIn(rules), before)
  const own = rules.find(({ description }) => description === OURS)
  assert.match(String(own?.expression), /^ssl or \(ip\.src in \{[0-9a-f.:/ ]+\}\)$/)
}

function foreignIn(rules: readonly Rule[]): string[] {
  return rules
    .filter(({ description }) => description !== OURS)
    .map(({ id: _id, version: _version, last_updated: _updated, ...rest }) => JSON.stringify(inOrder(rest)))
}

/** The order of a rule's fields means nothing. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, inner]) => [key, inOrder(inner)]))
}
