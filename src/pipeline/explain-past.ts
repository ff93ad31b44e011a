import type { Alert } from '../core/alert.ts'
import type { Outcome } from '../core/outcome.ts'
import type { Past } from '../core/past.ts'
import { createPastLedger, type PastLedger } from '../core/past-ledger.ts'
import type { PastEdge } from '../core/past-room.ts'
import { createTally, type Tally } from '../core/past-tally.ts'
import type { Playbook, Step } from '../core/playbook.ts'
import { matchPlaybook } from '../core/playbook-match.ts'
import { stepScope } from '../core/playbook-scope.ts'
import { hasLapsed, standingOf } from '../core/standing.ts'
import { messageOf } from '../errors.ts'
import { type Decided, decideEach } from './intents.ts'
import type { Friends } from './pass-types.ts'
import { blockOutcome, blockOutputs } from './steps/set-status.ts'

/** `at`: when Elastic raised it, and so when it would have arrived; null: an entry that is no alert. */
export type PastAlert = { readonly alert: Alert; readonly at: Date } | null

export interface ExplainPastDeps {
  readonly playbooks: readonly Playbook[]
  readonly edges: readonly PastEdge[]
  /** The edges on which a step's `zones` want a ban. */
  readonly edgesOf: (zones: readonly string[] | null) => readonly string[]
  readonly friends: Friends
  readonly maxBansPerHour: number
  readonly maxAlertAgeMs: number
  readonly offenceMemoryMs: number
  readonly test: (condition: string, scope: Readonly<Record<string, unknown>>) => boolean
}

const HOUR_MS = 3600_000

/**
 * Replays past alerts, oldest first, from an empty ledger: each is decided at its own time, as if MODE=enforce, by the same
 * functions as in the service. A ban is held at once where it has room, and ends by its clock.
 */
export async function explainPast(
  deps: ExplainPastDeps,
  alerts: AsyncIterable<PastAlert>,
  { since, until }: { readonly since: Date; readonly until: Date },
): Promise<Omit<Past, 'against' | 'notes'>> {
  const tally = createTally(deps.edges)
  const waiting = createWaiting(tally)
  const ledger = createPastLedger({
    ...{ ...deps.friends, released: [], edges: deps.edges },
    ...{ maxAlertAgeMs: deps.maxAlertAgeMs, offenceMemoryMs: deps.offenceMemoryMs },
    onBegun: tally.begun,
    onPass(held, rooms, now) {
      tally.held(held, rooms, now)
      waiting.look(ledger, now)
    },
  })
  const counts = { read: 0, invalid: 0, unanswered: 0, waited: 0 }
  let now = since
  let times: string[] = []
  for await (const past of alerts) {
    counts.read++
    if (past === null) counts.invalid++
    const playbook = past && matchPlaybook(deps.playbooks, past.alert)
    if (past !== null && playbook === null) counts.unanswered++
    if (past === null || playbook === null) continue
    // Elastic's clock is another one: nothing is decided after the end, and time never goes back.
    now = new Date(Math.max(now.getTime(), Math.min(past.at.getTime(), until.getTime())))
    ledger.advance(now)
    const hourAgo = new Date(now.getTime() - HOUR_MS).toISOString()
    times = times.filter((time) => time > hourAgo)
    const { outcome, needs } = respond(deps, ledger, { alert: past.alert, playbook, times, now, tally })
    tally.quota(times.length, now)
    const rule = ruleOf(past.alert)
    if (waiting.put(ledger, { rule, outcome, needs }, now)) counts.waited++
    else tally.outcome(rule, outcome, 1)
  }
  ledger.advance(until)
  waiting.end()
  const { quota, withoutAddress, ...rest } = tally.counts()
  return {
    ...{ since: since.toISOString(), until: until.toISOString() },
    alerts: { ...counts, withoutAddress },
    ...rest,
    quota: { limit: deps.maxBansPerHour, ...quota },
  }
}

interface Needs {
  readonly wanted: readonly string[]
  readonly edges: readonly string[]
  /** When it was decided. */
  readonly since: string
}

/** Runs an alert's playbook as far as it bears on bans. */
function respond(
  deps: ExplainPastDeps,
  ledger: PastLedger,
  run: { alert: Alert; playbook: Playbook; times: string[]; now: Date; tally: Tally },
): { readonly outcome: Outcome; readonly needs: Needs } {
  const { alert, playbook, times, now, tally } = run
  const observing = playbook.mode === 'observe'
  const outputs: Record<string, unknown> = {}
  const since = now.toISOString()
  const [wanted, edges] = [new Set<string>(), new Set<string>()]
  const facts = { ...ledger, ...{ times, friends: deps.friends, now }, outcomes: new Map(), released: [] }
  for (const step of playbook.steps) {
    const stands = conditionOf(deps, step, stepScope(alert, playbook, outputs))
    if (stands !== true) outputs[step.name] = stands
    if (stands !== true && 'error' in stands && !step.onFailure.continue) break
    if (stands !== true || step.type !== 'cloudflare.block') continue
    const intent = { alert, playbook: playbook.name, step, observing, replayedAt: null }
    const [{ decision }] = decideEach(deps, [intent], facts).decided as [Decided]
    ledger.settle(decision.bans, now)
    tally.decided(ruleOf(alert), decision.wanted, decision.refused)
    const where = deps.edgesOf(step.zones)
    outputs[step.name] = { blocked: decision.wanted, refused: decision.refused, edges: where, since }
    for (const address of decision.wanted) wanted.add(address)
    for (const edge of where) edges.add(edge)
  }
  const context = { playbook, outputs }
  const outcome = blockOutcome(context, blockOutputs(context))
  const left = observing && (outcome === 'done' || outcome === 'blocked' || outcome === 'partly')
  return { outcome: left ? 'observing' : outcome, needs: { wanted: [...wanted], edges: [...edges], since } }
}

/** true, or what the step leaves instead of its output. */
function conditionOf(deps: ExplainPastDeps, step: Step, scope: object): true | { skipped: 'if' } | { error: string } {
  if (step.if === null) return true
  try {
    return deps.test(step.if, { ...scope }) ? true : { skipped: 'if' }
  } catch (error) {
    return { error: messageOf(error) }
  }
}

function ruleOf({ rule }: Alert): string {
  return rule.name || rule.ruleId || rule.id
}

interface Waits {
  readonly rule: string
  readonly outcome: Outcome
  readonly needs: Needs
}

/** Alerts whose bans have no room yet. Those of one attacker wait as one. */
function createWaiting(tally: Tally) {
  const parked = new Map<string, Waits & { alerts: number }>()
  return {
    /** False: it need not wait. */
    put(ledger: PastLedger, waits: Waits, now: Date): boolean {
      if (waits.needs.wanted.length === 0 || standingOf({ ...waits.needs, ...ledger, now }).kind === 'held')
        return false
      const { since, ...same } = waits.needs
      const key = JSON.stringify([waits.rule, waits.outcome, same])
      parked.set(key, { ...waits, alerts: (parked.get(key)?.alerts ?? 0) + 1 })
      return true
    },
    look(ledger: PastLedger, now: Date): void {
      for (const [key, { rule, outcome, needs, alerts }] of parked) {
        const facts = { ...needs, bans: ledger.bans, offences: ledger.offences, now }
        const lapsed = hasLapsed(facts)
        if (!lapsed && standingOf(facts).kind !== 'held') continue
        parked.delete(key)
        tally.outcome(rule, lapsed ? 'lapsed' : outcome, alerts)
      }
    },
    end(): void {
      for (const { rule, alerts } of parked.values()) tally.outcome(rule, 'edge-full', alerts)
    },
  }
}
