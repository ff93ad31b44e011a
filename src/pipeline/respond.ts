import { type AlertRecord, isFinal, type Outcome } from '../core/outcome.ts'
import type { Playbook, Step } from '../core/playbook.ts'
import { messageOf, PermanentError, RefusedError, RetryLaterError, StoreError } from '../errors.ts'
import type { Clock, Job, JobData, Mark, Ran, Records } from '../ports.ts'
import type { Health } from './health.ts'
import { type Needs, standingsNow, whyNotHeld } from './held.ts'
import type { MarkRequest, MarkResult } from './marks.ts'
import type { Parking } from './parking.ts'
import { PAUSED } from './pause.ts'
import { blockOutcome, blockOutputs } from './steps/set-status.ts'
import type { RunStep, StepContext, StepResult } from './steps/step.ts'

export interface RespondDeps {
  readonly records: Records
  readonly clock: Clock
  readonly health: Health
  readonly parking: Parking
  readonly conclude: (data: JobData, outcome: Outcome) => Promise<void>
  readonly playbookBy: (hash: string) => Promise<Playbook>
  /** MODE=observe. */
  readonly observing: boolean
  readonly giveUpAfterMs: number
  readonly steps: { readonly [T in Step['type']]: RunStep<Extract<Step, { type: T }>> }
  readonly test: (condition: string, context: StepContext) => boolean
  readonly mark: (request: MarkRequest) => Promise<MarkResult>
  readonly events: {
    parked(e: { alert: JobData['alert']; reason: string }): void
    retried(e: { alert: JobData['alert']; error: unknown; attempt: number }): void
    passedOver(e: { alert: JobData['alert']; step: string; error: unknown }): void
    gaveUp(e: { alert: JobData['alert']; error: unknown }): void
    failed(e: { what: string; error: unknown }): void
  }
}

// A park ends when woken, after this long at the latest.
const PARK_MS = 60_000
// Reason, outcome and part in one: an alert that Elastic does not know.
const UNKNOWN = 'unknown-alert'

/** Runs an alert's playbook, step by step, from where it stopped; the queue calls it as often as it takes. */
export function createRespond(deps: RespondDeps): (job: Job) => Promise<Ran> {
  return async (job) => {
    const record = (await deps.records.get<AlertRecord>('outcomes', [job.id])).get(job.id)?.doc
    // Concluded, and the process died before the queue heard of it. Times of two instances are not compared.
    if (record?.outcome && record.round === job.data.reopenedAt) return { kind: 'done', outcome: record.outcome }
    const playbook = await playbookOf(deps, job)
    const outputs: Record<string, unknown> = { ...job.data.checkpoints }
    const observing = deps.observing || playbook.mode === 'observe'
    const context: StepContext = { data: job.data, playbook, observing, outputs }
    let read: Pick<StepContext, 'record'> = { record: record ?? null }
    for (const step of playbook.steps) {
      if (step.name in outputs) continue
      const result = await runStep(deps, job, step, { ...context, ...read })
      // A step may have changed it.
      read = {}
      if (result.kind === 'park') return park(deps, job, context, result)
      if (result.kind === 'conclude') return end(deps, job, context, result.outcome)
      outputs[step.name] = result.output
      // A call to the outside is not to be made twice once its answer is known; the other steps may be repeated.
      if (step.type === 'http') await job.save({ ...job.data, checkpoints: outputs })
    }
    return end(deps, job, context, outcomeOfRun(context))
  }
}

/** Steps that only observed have left something to do: enforcing takes such an alert up again. */
function outcomeOfRun(context: StepContext): Outcome {
  const outcome = blockOutcome(context, blockOutputs(context))
  return context.observing && ACTED.includes(outcome) ? 'observing' : outcome
}

const ACTED: readonly Outcome[] = ['blocked', 'done', 'partly']

async function playbookOf(deps: RespondDeps, job: Job): Promise<Playbook> {
  try {
    return await deps.playbookBy(job.data.playbook.hash)
  } catch (error) {
    if (error instanceof PermanentError) await giveUp(deps, job, error)
    throw error
  }
}

async function runStep(deps: RespondDeps, job: Job, step: Step, context: StepContext): Promise<StepResult> {
  try {
    if (step.if !== null && !deps.test(step.if, context)) return { kind: 'done', output: { skipped: 'if' } }
    const result = await (deps.steps[step.type] as RunStep<Step>)(step, context)
    if (!context.observing) noteWorking(deps, job, step, result)
    return result
  } catch (error) {
    return failStep(deps, job, step, context, error)
  }
}

/** Elastic answered; and where the job had waited for a part that refused, that part does its work again. */
function noteWorking({ health }: RespondDeps, { data }: Job, step: Step, result: StepResult): void {
  const { waiting } = data
  if (step.type === 'http' && waiting?.startsWith('host:')) health.works(waiting)
  if (step.type !== 'security.setAlertStatus') return
  if (result.kind !== 'park' || result.reason === UNKNOWN) health.works('elastic')
  if (result.kind === 'done') health.works(UNKNOWN)
}

async function failStep(
  deps: RespondDeps,
  job: Job,
  step: Step,
  context: StepContext,
  error: unknown,
): Promise<StepResult> {
  if (error instanceof StoreError) throw error
  await saveProgress(job, context)
  const { continue: goOn, retry } = step.onFailure
  const failures = failuresOf(job, step.name) + 1
  const spent = retry !== null && failures >= retry.maxAttempts
  if (error instanceof RefusedError && !spent) {
    deps.health.refused(error.part, error.message)
    if (!isTooLate(deps, job)) return { kind: 'park', reason: error.part, needs: null }
  }
  if (step.type === 'security.setAlertStatus' && !(error instanceof PermanentError || error instanceof RefusedError))
    deps.health.failed('elastic', messageOf(error))
  const given = error instanceof PermanentError || spent || isTooLate(deps, job)
  if (given && goOn) {
    deps.events.passedOver({ alert: job.data.alert, step: step.name, error })
    return { kind: 'done', output: { error: messageOf(error) } }
  }
  if (given) {
    await giveUp(deps, job, error)
    throw new PermanentError(messageOf(error), { cause: error })
  }
  deps.events.retried({ alert: job.data.alert, error, attempt: job.attempts + 1 })
  if (retry === null) throw error
  await saveFailures(job, step.name, failures)
  throw new RetryLaterError(messageOf(error), retry.delayMs, { cause: error })
}

/** Of the step, not of the job: those before it may have needed attempts of their own. */
function failuresOf({ data }: Job, step: string): number {
  return data.failures?.[step] ?? 0
}

async function saveFailures(job: Job, step: string, failures: number): Promise<void> {
  await job.save({ ...job.data, failures: { ...job.data.failures, [step]: failures } })
}

async function giveUp(deps: RespondDeps, { data }: Job, error: unknown): Promise<void> {
  deps.events.gaveUp({ alert: data.alert, error })
  await deps.conclude(data, 'gave-up')
}

function isTooLate({ clock, giveUpAfterMs }: RespondDeps, { data }: Job): boolean {
  return clock.now().getTime() - Date.parse(data.acceptedAt) > giveUpAfterMs
}

async function park(
  deps: RespondDeps,
  job: Job,
  context: StepContext,
  result: Extract<StepResult, { kind: 'park' }>,
): Promise<Ran> {
  const { reason, needs, ms = PARK_MS } = result
  const { alert } = job.data
  if (result.undecided) await job.save({ ...job.data, checkpoints: withoutBlocks(context) })
  else await saveProgress(job, context)
  if (job.data.waiting === reason) return { kind: 'park', ms, reason }
  await deps.parking.put(job.data, reason, needs?.wanted ?? null)
  deps.events.parked({ alert, reason })
  if (reason.startsWith('edge-') || reason === PAUSED) tagInPassing(deps, context, reason)
  return { kind: 'park', ms: (await isOver(deps, needs, reason)) ? 0 : ms, reason }
}

/** Whether it ended before the job could be found among the parked, and so woke nobody. */
async function isOver(deps: RespondDeps, needs: Needs | null, reason: string): Promise<boolean> {
  // A part that this process has never named in degraded costs one run too many.
  if (needs === null) return reason !== UNKNOWN && !deps.health.degraded().some(({ part }) => part === reason)
  const [standing] = await standingsNow(deps, [needs])
  return standing !== undefined && (standing.kind === 'held' || whyNotHeld(standing) !== reason)
}

function withoutBlocks({ playbook, outputs }: StepContext): Record<string, unknown> {
  const blocks = playbook.steps.filter((step) => step.type === 'cloudflare.block').map((step) => step.name)
  return Object.fromEntries(Object.entries(outputs).filter(([name]) => !blocks.includes(name)))
}

/** Tells the analyst in Elastic what an open alert waits for; nothing hangs on it. */
function tagInPassing(deps: RespondDeps, context: StepContext, word: string): void {
  tag(deps, context, word).catch((error) => deps.events.failed({ what: whatTagging(context, word), error }))
}

async function tag({ mark }: RespondDeps, { data, playbook, observing }: StepContext, word: string): Promise<void> {
  if (observing || !playbook.steps.some((step) => step.type === 'security.setAlertStatus')) return
  const { id, space } = data.alert
  const request: Mark = { id, space, status: null, tag: word }
  await mark({ mark: request, needs: null })
}

function whatTagging({ data }: StepContext, word: string): string {
  return `tagging alert ${data.alert.id} as ${word}`
}

/** The last word on an alert that stays open: tried for some minutes while Elastic is away. */
async function tagLapsed(deps: RespondDeps, job: Job, context: StepContext): Promise<void> {
  try {
    await tag(deps, context, 'lapsed')
  } catch (error) {
    const failures = failuresOf(job, LAPSED) + 1
    if (error instanceof StoreError) throw error
    if (failures >= LAPSED_TRIES) return deps.events.failed({ what: whatTagging(context, 'lapsed'), error })
    deps.events.retried({ alert: job.data.alert, error, attempt: failures })
    await saveFailures(job, LAPSED, failures)
    throw new RetryLaterError(messageOf(error), LAPSED_AGAIN_MS, { cause: error })
  }
}

// Among the steps' failures; no step's name has a colon.
const LAPSED = ':lapsed'
const LAPSED_TRIES = 10
const LAPSED_AGAIN_MS = 60_000

async function end(deps: RespondDeps, job: Job, context: StepContext, outcome: Outcome): Promise<Ran> {
  if (outcome === 'lapsed') await tagLapsed(deps, job, context)
  await deps.conclude(job.data, outcome)
  if (outcome === UNKNOWN) deps.health.refused(UNKNOWN, whyUnknown(job.data.alert))
  if (isFinal(outcome) && mayBeTrimmed(job.data)) await job.save(trimmed(job.data))
  return { kind: 'done', outcome }
}

function whyUnknown({ id, space }: JobData['alert']): string {
  return `Elastic has no alert ${id} in the space ${space}: look at ELASTIC_SPACE, and at which cluster sends the webhooks`
}

/** What a replay needs and nothing more: a finished job is kept for a week. */
function trimmed(data: JobData): JobData {
  const { waiting, failures, ...rest } = data
  return { ...rest, alert: { ...data.alert, evidence: {} }, checkpoints: {} }
}

function mayBeTrimmed({ alert, checkpoints, waiting, failures }: JobData): boolean {
  return [alert.evidence, checkpoints, { waiting, failures }].some((kept) =>
    Object.values(kept).some((v) => v !== undefined),
  )
}

async function saveProgress(job: Job, { outputs }: StepContext): Promise<void> {
  if (Object.keys(outputs).length > Object.keys(job.data.checkpoints).length) {
    await job.save({ ...job.data, checkpoints: outputs })
  }
}
