import type { Alert } from '../core/alert.ts'
import { judgeOpen, rulesToCatchUp, SETTLED } from '../core/catch-up.ts'
import type { AlertRecord } from '../core/outcome.ts'
import type { Envelope } from '../core/payload.ts'
import type { Playbook } from '../core/playbook.ts'
import { matchPlaybook } from '../core/playbook-match.ts'
import { pickFields, translate } from '../core/translate.ts'
import { messageOf, RefusedError } from '../errors.ts'
import type { Clock, Mark, OpenAlerts, Records, Siem } from '../ports.ts'
import type { Health } from './health.ts'
import type { Intake } from './intake.ts'

export interface CatchUp {
  /** One look at all open alerts that are young enough; who asks during one shares it. Never rejects. */
  run(): Promise<CaughtUp>
  stop(): Promise<void>
}

/** What one look found. `read`: alerts read · `accepted`: new to the queue, or taken up again. */
export interface CaughtUp {
  readonly read: number
  readonly accepted: number
  readonly tagged: number
  /** Why it ended early, or was not made at all; null: it is complete. */
  readonly problem: string | null
}

export interface CatchUpDeps {
  readonly source: OpenAlerts
  readonly siem: Pick<Siem, 'mark'>
  readonly records: Pick<Records, 'get'>
  readonly clock: Clock
  readonly health: Health
  readonly accept: Intake['accept']
  readonly playbooks: () => readonly { readonly playbook: Playbook }[]
  /** CATCH_UP_RULES: more than playbooks name. */
  readonly rules: readonly string[]
  readonly spaces: readonly string[]
  readonly maxAlertAgeMs: number
  /** MODE=observe. */
  readonly observing: boolean
  /** False while the queue takes no more. */
  readonly hasRoom: () => Promise<boolean>
  /** It is off, and why; once for each time it goes off. */
  readonly onOff: (reason: string) => void
}

const PART = 'catch-up'
const NO_RULE =
  'no playbook names a rule and CATCH_UP_RULES is empty, so nobody says which alerts in Elastic are meant for Portcullis'
// SIGTERM leaves 8 s for everything.
const STOP_WITHIN_MS = 2_000

/**
 * Looks for open alerts whose webhook never came. Open alerts in Elastic are the list of unfinished work, so each look
 * covers MAX_ALERT_AGE whole and nothing needs to be remembered between two. Several instances may look at once: an alert
 * is one job under one id, whoever finds it.
 */
export function startCatchUp(deps: CatchUpDeps, everyMs: number): CatchUp {
  let running: Promise<CaughtUp> | null = null
  let stopped = false
  let saidOff = false

  async function look(): Promise<CaughtUp> {
    const playbooks = deps.playbooks().map(({ playbook }) => playbook)
    const rules = rulesToCatchUp(playbooks, deps.rules)
    if (rules.length === 0) {
      if (!saidOff) deps.onOff(NO_RULE)
      saidOff = true
      return { read: 0, accepted: 0, tagged: 0, problem: NO_RULE }
    }
    saidOff = false
    const found = { read: 0, accepted: 0, tagged: 0 }
    const problems: unknown[] = []
    for (const space of deps.spaces) {
      // One space without alerts, or out of bounds for our key, does not stand in the way of the others.
      await walk(deps, { space, rules, playbooks, found, isOver: () => stopped }).catch((error) => problems.push(error))
    }
    for (const problem of problems) blame(deps.health, problem)
    if (problems.length === 0) deps.health.works(PART)
    return { ...found, problem: problems.length === 0 ? null : messageOf(problems[0]) }
  }

  async function run(): Promise<CaughtUp> {
    running ??= look().finally(() => {
      running = null
    })
    return running
  }

  const timer = setInterval(() => void run(), everyMs)
  return {
    run,
    async stop() {
      stopped = true
      clearInterval(timer)
      const enough = new AbortController()
      const late = deps.clock.sleep(STOP_WITHIN_MS, enough.signal).catch(() => undefined)
      await Promise.race([running, late])
      enough.abort()
    },
  }
}

interface Walk {
  readonly space: string
  readonly rules: readonly string[]
  readonly playbooks: readonly Playbook[]
  readonly found: { read: number; accepted: number; tagged: number }
  readonly isOver: () => boolean
}

async function walk(deps: CatchUpDeps, { space, rules, playbooks, found, isOver }: Walk): Promise<void> {
  const since = new Date(deps.clock.now().getTime() - deps.maxAlertAgeMs)
  let untagged: unknown = null
  for await (const hits of deps.source.open({ space, rules, since, without: SETTLED })) {
    if (isOver()) return
    if (!(await deps.hasRoom())) throw new Error('the queue is full (QUEUE_LIMIT); the rest is read once there is room')
    const alerts = hits.flatMap((hit) => alertOf(hit, space))
    const { take, marks } = await sort(deps, playbooks, alerts)
    const { accepted } = take.length === 0 ? { accepted: 0 } : await deps.accept(take)
    found.read += hits.length
    found.accepted += accepted
    if (marks.length === 0) continue
    // Nothing hangs on a tag but the reading of it: taking alerts goes on.
    const tagged = await deps.siem.mark(marks).catch((error) => {
      untagged = error
      return new Map()
    })
    found.tagged += tagged.size
  }
  if (untagged !== null) throw untagged
}

/** The alert that a search found; none where it is no alert, or one that no webhook brings. */
export function alertOf(hit: unknown, space: string): Alert[] {
  const picked = pickFields(hit)
  const envelope: Envelope = {
    ...{ space, total: null, sentAt: null, arrived: 1 },
    rule: { id: null, ruleId: null, name: null, tags: [], severity: null },
  }
  const translated = picked === null ? null : translate(picked, { value: hit, envelope }, [space])
  return translated?.kind === 'alert' ? [translated.alert] : []
}

/** By the ledger alone, one read for a page: what is done or at work never reaches the queue. */
async function sort(
  deps: CatchUpDeps,
  playbooks: readonly Playbook[],
  alerts: readonly Alert[],
): Promise<{ take: Alert[]; marks: Mark[] }> {
  const known = await deps.records.get<AlertRecord>(
    'outcomes',
    alerts.map(({ id }) => id),
  )
  const now = deps.clock.now()
  const take: Alert[] = []
  const marks: Mark[] = []
  for (const alert of alerts) {
    const playbook = matchPlaybook(playbooks, alert)
    if (playbook === null) continue
    const observing = deps.observing || playbook.mode === 'observe'
    const verdict = judgeOpen(known.get(alert.id)?.doc, observing, now)
    if (verdict.kind === 'take') take.push(alert)
    if (verdict.kind === 'tag') marks.push({ id: alert.id, space: alert.space, status: null, tag: verdict.word })
  }
  return { take, marks }
}

function blame(health: Health, error: unknown): void {
  if (error instanceof RefusedError) health.refused(error.part, error.message)
  else health.refused(PART, messageOf(error))
}
