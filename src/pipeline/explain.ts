import { automaticBan, parseAddress } from '../core/address.ts'
import type { Alert } from '../core/alert.ts'
import type { Ban } from '../core/ban.ts'
import type { Offence } from '../core/decide.ts'
import { formatDuration } from '../core/duration.ts'
import { type ExplainedAlert, type ExplainedStep, type Explanation, guardsAsked } from '../core/explanation.ts'
import { REFUSALS, type Released } from '../core/guards.ts'
import { type AlertRecord, isFinal, isReopenable } from '../core/outcome.ts'
import type { BlockStep, Playbook, Step } from '../core/playbook.ts'
import { matchPlaybook } from '../core/playbook-match.ts'
import { stepScope } from '../core/playbook-scope.ts'
import { messageOf } from '../errors.ts'
import type { Clock, Edge, Records } from '../ports.ts'
import { type ExplainEdgeDeps, explainEdge } from './explain-edge.ts'
import { type Decided, decideEach, type IntentLedger } from './intents.ts'
import type { Friends } from './pass-types.ts'
import { PAUSE, type Pause, pauseIn, wordsOf } from './pause.ts'
import { blockOutcome, blockOutputs } from './steps/set-status.ts'

export interface ExplainDeps extends ExplainEdgeDeps {
  readonly records: Pick<Records, 'get' | 'all'>
  readonly clock: Pick<Clock, 'now'>
  readonly edges: readonly Edge[]
  readonly playbooks: () => readonly { readonly playbook: Playbook }[]
  readonly friends: () => Friends | Promise<Friends>
  readonly maxBansPerHour: number
  readonly test: (condition: string, scope: Readonly<Record<string, unknown>>) => boolean
}

const HOUR_MS = 3600_000

type Explained = Pick<Explanation, 'notes' | 'alerts' | 'edges'>

// Each look costs a call to every zone.
const MOST_LOOKS = 3

/** What would become of these alerts if they came now, one after the other: decided as they are decided, with no effect at all. */
export async function explainAlerts(deps: ExplainDeps, alerts: readonly Alert[]): Promise<Explained> {
  for (let look = 1; ; look++) {
    const before = await passesOver(deps)
    const explained = await explainNow(deps, alerts)
    // The bans and what is remembered of the edges belong together only where no pass has written in between.
    if (look === MOST_LOOKS || before === (await passesOver(deps))) return explained
  }
}

/** Changes whenever a pass has written something. */
async function passesOver({ records, edges }: ExplainDeps): Promise<string> {
  const states = await records.get(
    'edges',
    edges.map(({ name }) => name),
  )
  return edges.map(({ name }) => states.get(name)?.rev ?? 0).join()
}

async function explainNow(deps: ExplainDeps, alerts: readonly Alert[]): Promise<Explained> {
  const { records } = deps
  const now = deps.clock.now()
  const [bans, offences, released, outcomes, settings] = await Promise.all([
    records.all<Ban>('bans'),
    records.all<Offence>('offences'),
    records.all<Released>('released'),
    records.get<AlertRecord>(
      'outcomes',
      alerts.map(({ id }) => id),
    ),
    records.get<{ times: string[] } & Pause>('settings', ['quota', PAUSE]),
  ])
  const hourAgo = new Date(now.getTime() - HOUR_MS).toISOString()
  const ledger: IntentLedger = {
    bans: new Map(bans.map(({ id, doc }) => [id, doc])),
    times: settings.get('quota')?.doc.times.filter((time) => time > hourAgo) ?? [],
    offences: new Map(offences.map(({ id, doc }) => [id, doc])),
    outcomes: new Map([...outcomes].map(([id, { doc }]) => [id, doc])),
    released: released.map(({ doc }) => doc),
    friends: await deps.friends(),
    now,
  }
  const about = new Set<string>()
  const explained = alerts.map((alert) => explainOne(deps, ledger, alert, about))
  const edges = await Promise.all(deps.edges.map((edge) => explainEdge(deps, edge, { ...ledger, about })))
  const pause = pauseIn(settings.get(PAUSE), now)
  return { notes: pause === null ? [] : [`${wordsOf(pause)}; alerts wait until then`], alerts: explained, edges }
}

function explainOne(deps: ExplainDeps, ledger: IntentLedger, alert: Alert, about: Set<string>): ExplainedAlert {
  const playbook = matchPlaybook(
    deps.playbooks().map((loaded) => loaded.playbook),
    alert,
  )
  const { id, rule } = alert
  const head = { id, rule: rule.name || rule.ruleId || rule.id }
  if (playbook === null)
    return { ...head, playbook: null, stopped: 'no playbook answers this alert', steps: [], outcome: null }
  const stopped = whyStopped(ledger.outcomes.get(id))
  // What would not happen must not count for those that come after it.
  const own = stopped === null ? ledger : { ...ledger, bans: new Map(ledger.bans), times: [...ledger.times] }
  const outputs: Record<string, unknown> = {}
  const observing = deps.observing || playbook.mode === 'observe'
  const steps = playbook.steps.map((step): ExplainedStep => {
    const skipped = whySkipped(deps, step, stepScope(alert, playbook, outputs))
    if (skipped !== null) {
      outputs[step.name] = { skipped: 'if' }
      return { name: step.name, type: step.type, what: skipped, suspects: [] }
    }
    if (step.type !== 'cloudflare.block')
      return { name: step.name, type: step.type, what: wordsFor(step, observing), suspects: [] }
    const stood = new Map(own.bans)
    const intent = { alert, playbook: playbook.name, step, observing, replayedAt: null }
    const [decided] = decideEach(deps, [intent], own).decided as [Decided]
    const { wanted, refused } = decided.decision
    const edges = step.zones ?? deps.edges.map(({ name }) => name)
    outputs[step.name] = { blocked: wanted, refused, edges, since: decided.record.firstDecidedAt }
    if (stopped === null) for (const address of wanted) about.add(address)
    const suspects = suspectsOf(alert, decided, { stood, bans: own.bans })
    return { name: step.name, type: step.type, what: blockWords(step, observing), suspects }
  })
  const context = { playbook, outputs }
  const { file, name, mode } = playbook
  return {
    ...head,
    playbook: { file, name, mode },
    stopped,
    steps,
    outcome: blockOutcome(context, blockOutputs(context)),
  }
}

/** What a delivery of an alert that the ledger knows would do: nothing, unless it is taken up again. */
function whyStopped(record: AlertRecord | undefined): string | null {
  if (record === undefined) return null
  const { outcome, waiting } = record
  if (outcome === null) return `it is at work already${waiting === null ? '' : `, and waits (${waiting})`}`
  if (isFinal(outcome)) return `it was answered before (${outcome}): a repeated delivery does nothing`
  return isReopenable(outcome) ? null : `it ended as ${outcome}: only a person takes it up again (portcullis replay)`
}

function whySkipped(deps: ExplainDeps, step: Step, scope: object): string | null {
  if (step.if === null) return null
  try {
    return deps.test(step.if, { ...scope }) ? null : `skipped: its condition is not true (${step.if})`
  } catch (error) {
    return `fails: its condition cannot be told (${messageOf(error)})`
  }
}

function suspectsOf(
  alert: Alert,
  { decision }: Decided,
  ledger: { readonly stood: ReadonlyMap<string, Ban>; readonly bans: ReadonlyMap<string, Ban> },
): ExplainedStep['suspects'] {
  const asked = alert.suspects.length === 0 ? [''] : alert.suspects
  return asked.map((suspect) => {
    const refused = decision.refused.find((r) => r.suspect === suspect) ?? null
    const read = parseAddress(suspect)
    const address = refused?.address ?? (read === null ? null : automaticBan(read).text)
    const ban = refused === null && address !== null ? banWords(address, ledger) : ''
    return { suspect, address, guards: guardsAsked(REFUSALS, refused), refusal: refused?.refusal ?? null, ban }
  })
}

function banWords(
  address: string,
  { stood, bans }: { readonly stood: ReadonlyMap<string, Ban>; readonly bans: ReadonlyMap<string, Ban> },
): string {
  const [before, after] = [stood.get(address), bans.get(address)]
  const reasonOf = (ban: Ban | undefined) => ban?.reasons.find((r) => r.origin === 'alert')
  const [old, reason] = [reasonOf(before), reasonOf(after)]
  const length = reason?.durationMs === null ? 'for ever' : `for ${formatDuration(reason?.durationMs ?? 0)}`
  if (old !== undefined && old.at === reason?.at) {
    const end = old.until === null ? length : `until ${old.until}`
    return `stands already ${end}, offence ${before?.offence}: only "last seen" is refreshed`
  }
  return `${length}, offence ${after?.offence}`
}

function blockWords({ durations, zones }: BlockStep, observing: boolean): string {
  const list = durations.map((ms) => formatDuration(ms)).join(', ')
  const where = zones === null ? 'all edges' : zones.join(', ')
  return `${observing ? 'would block' : 'blocks'} at ${where}; first, second, … ban: ${list}`
}

function wordsFor(step: Exclude<Step, BlockStep>, observing: boolean): string {
  if (observing) return 'does nothing: observing'
  if (step.type === 'http') return `calls ${step.method} ${step.url}`
  return `sets the alert's status to ${step.status}${step.status === 'open' ? '' : ', once every ban is held'}`
}
