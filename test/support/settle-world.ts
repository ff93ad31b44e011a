import { addressSet } from '../../src/core/address-set.ts'
import { type Ban, newBan, withReason } from '../../src/core/ban.ts'
import { decideBlock, type Offence } from '../../src/core/decide.ts'
import type { EdgeState } from '../../src/core/edge-state.ts'
import { parseExpression } from '../../src/core/expression/parse.ts'
import { SENTINEL } from '../../src/core/expression/serialize.ts'
import type { AllowEntry, Released } from '../../src/core/guards.ts'
import { settleOnce } from '../../src/pipeline/pass.ts'
import type { PassDeps, PassEvents, PassReport } from '../../src/pipeline/pass-types.ts'
import type { Records, Rule } from '../../src/ports.ts'
import { type FakeEdge, fakeEdge } from './fake-edge.ts'
import { memoryRecords } from './memory-records.ts'

export const OURS = 'webserver scanning block'
export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

/** A ledger and edges in memory, a clock that a test moves, and the doors that operators and alerts come in by. */
export interface World {
  readonly records: Records
  readonly edge: FakeEdge
  readonly clock: { now(): Date; sleep(ms: number): Promise<void>; advance(ms: number): void }
  readonly heard: { event: keyof PassEvents; data: Record<string, unknown> }[]
  allowlist: readonly AllowEntry[]
  limit: number
  observing: boolean
  deps(overrides?: Partial<PassDeps>): PassDeps
  pass(overrides?: Partial<PassDeps>): Promise<PassReport>
  /** What an alert that names this address does; answers the refusal, if any. */
  alert(address: string, options?: { durationMs?: number | null; edges?: readonly string[] }): Promise<string | null>
  operatorBan(address: string, options?: { durationMs?: number | null }): Promise<void>
  unban(address: string): Promise<void>
  resume(edge?: string): Promise<void>
  bans(): Promise<Map<string, Ban>>
  state(edge?: string): Promise<EdgeState>
  /** Addresses of bans that are reported held at this edge, sorted. */
  held(edge?: string): Promise<string[]>
  /** How often something was heard. */
  count(event: keyof PassEvents): number
}

/** `beside`: another world, whose edge and clock this one shares with a ledger of its own. */
export function settleWorld(options: { edgeName?: string; beside?: World } = {}): World {
  let time = Date.parse('2026-03-01T00:00:00.000Z')
  let ids = 0
  const clock: World['clock'] = options.beside?.clock ?? {
    now: () => new Date(time),
    sleep: async (ms: number) => clock.advance(ms),
    advance: (ms: number) => {
      time += ms
    },
  }
  const records = memoryRecords()
  const edge = options.beside?.edge ?? fakeEdge(options.edgeName ?? 'shop', clock.now)
  const world: World = {
    records,
    edge,
    clock,
    heard: [],
    allowlist: [],
    limit: 4096,
    observing: false,
    deps: (overrides = {}) => ({
      records,
      clock,
      edge: edge.port,
      holder: 'one',
      newId: () => String(++ids).padStart(9, '0'),
      rule: { description: OURS, action: 'block', limit: world.limit },
      adoptForMs: null,
      releaseForMs: DAY,
      maxAlertAgeMs: DAY,
      offenceMemoryMs: 180 * DAY,
      historyForMs: 365 * DAY,
      observing: world.observing,
      friends: () => ({
        allowlist: world.allowlist,
        cloudflareRanges: addressSet(['104.16.0.0/13']),
        allowDocumentationRanges: false,
      }),
      events: listenTo(world.heard),
      ...overrides,
    }),
    pass: (overrides) => settleOnce(world.deps(overrides)),
    alert: (address, how = {}) => decide(world, address, how),
    async operatorBan(address, { durationMs = null } = {}) {
      const now = clock.now()
      const ban = (await world.bans()).get(address) ?? newBan(address, now)
      const at = now.toISOString()
      const reason = { origin: 'operator' as const, id: 'alice', note: '', at, durationMs, until: null, edges: null }
      await records.commit({ put: [{ collection: 'bans', id: address, doc: withReason(ban, reason) }] })
    },
    async unban(address) {
      await records.commit({ remove: [{ collection: 'bans', id: address }] })
    },
    async resume(name = edge.port.name) {
      const doc = { ...(await world.state(name)), contested: null, putBackAt: null }
      await records.commit({ put: [{ collection: 'edges', id: name, doc }] })
    },
    async bans() {
      return new Map((await records.all<Ban>('bans')).map(({ id, doc }) => [id, doc]))
    },
    async state(name = edge.port.name) {
      return (await records.get<EdgeState>('edges', [name])).get(name)?.doc as EdgeState
    },
    async held(name = edge.port.name) {
      return [...(await world.bans()).values()]
        .filter((b) => b.edges[name]?.held)
        .map((b) => b.address)
        .sort()
    },
    count: (event) => world.heard.filter((h) => h.event === event).length,
  }
  return world
}

/** Our rule among these. */
export function ownRule(rules: readonly Rule[]): Rule | undefined {
  return rules.find((rule) => rule.description === OURS)
}

/** The terms of our rule, sorted; null where there is none. */
export function termsIn(rules: readonly Rule[]): string[] | null {
  const own = ownRule(rules)
  if (own === undefined) return null
  return parseExpression(String(own.expression))
    .terms.map((t) => t.text)
    .sort()
}

/** A person's hand on the terms of our rule; a rule that is not there is made. */
export function withTerms(change: (terms: readonly string[]) => readonly string[]) {
  return (rules: readonly Rule[]): readonly Rule[] => {
    const terms = change(termsIn(rules) ?? [])
    const own = ownRule(rules)
    if (own === undefined)
      return [...rules, { description: OURS, action: 'block', enabled: true, expression: expressionOf(terms, []) }]
    const { clauses } = parseExpression(String(own.expression))
    return rules.map((rule) => (rule === own ? { ...rule, expression: expressionOf(terms, clauses) } : rule))
  }
}

export const adding = (...added: string[]) => withTerms((terms) => [...new Set([...terms, ...added])])
export const removing = (...removed: string[]) => withTerms((terms) => terms.filter((t) => !removed.includes(t)))
export const wiping = withTerms(() => [])
export const deleting = (rules: readonly Rule[]) => rules.filter((rule) => rule.description !== OURS)
export const setting = (fields: Record<string, unknown>) => (rules: readonly Rule[]) =>
  rules.map((rule) => (rule.description === OURS ? { ...rule, ...fields } : rule))

/** People write one `ip.src eq` after the other; what they write is never to the letter what we would have sent. */
function expressionOf(terms: readonly string[], clauses: readonly string[]): string {
  if (terms.length === 0) return [...clauses, `ip.src eq ${SENTINEL}`].join(' or ')
  if (terms.some((t) => /[/]|\.\./.test(t))) return [...clauses, `ip.src in {${terms.join(' ')}}`].join(' or ')
  return [...clauses, ...terms.map((term) => `(ip.src eq ${term})`)].join(' or ')
}

async function decide(
  world: World,
  address: string,
  { durationMs = HOUR, edges = null }: { durationMs?: number | null; edges?: readonly string[] | null },
): Promise<string | null> {
  const { records } = world
  for (;;) {
    const now = world.clock.now()
    const bans = await records.all<Ban>('bans')
    const released = (await records.all<Released>('released')).map((r) => r.doc)
    const offences = await records.all<Offence>('offences')
    const decision = decideBlock({
      alert: alertAbout(address, now),
      durations: [durationMs],
      edges,
      guards: {
        ...(await world.deps().friends()),
        ...{ by: 'alert', released, tooOld: false, observing: world.observing, now, decidedAt: now },
      },
      bans: new Map(bans.map((b) => [b.id, b.doc])),
      offences: new Map(offences.map((o) => [o.id, o.doc])),
      quotaLeft: 1000,
      now,
    })
    const expect = decision.bans.map(({ address: id }) => {
      return { collection: 'bans' as const, id, rev: bans.find((b) => b.id === id)?.rev ?? 0 }
    })
    const put = decision.bans.map((doc) => ({ collection: 'bans' as const, id: doc.address, doc }))
    if (await records.commit({ expect, put })) return decision.refused[0]?.refusal ?? null
  }
}

function alertAbout(address: string, now: Date) {
  const rule = { id: 'r', ruleId: 'r', name: 'Scanning', tags: [] }
  const time = now.toISOString()
  return {
    ...{ id: `alert-${time}-${address}`, index: '', space: 'default', rule, severity: null, time },
    ...{ run: 'scheduled' as const, eventTime: true, suspects: [address], evidence: {} },
  }
}

function listenTo(heard: World['heard']): PassEvents {
  const names: readonly (keyof PassEvents)[] = [
    ...(['pass', 'held', 'adopted', 'released', 'staleCopyRepaired', 'putBack', 'contested', 'edgeState'] as const),
    ...(['entriesWithdrawn', 'displaced', 'ended', 'collided', 'edgeFull', 'wouldAdopt', 'standing'] as const),
  ]
  const listener = (event: keyof PassEvents) => (data: unknown) =>
    void heard.push({ event, data: data as Record<string, unknown> })
  return Object.fromEntries(names.map((event) => [event, listener(event)])) as unknown as PassEvents
}
