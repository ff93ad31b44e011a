import { parseDuration } from './duration.ts'
import type { BlockStep, HttpStep, Playbook, StatusStep, Step, Trigger } from './playbook.ts'

/** What is wrong with a playbook beyond its shape, and where: a path of keys and places from the top. */
export interface PlaybookProblem {
  readonly path: readonly (string | number)[]
  readonly message: string
}

/** Data that `schemas/playbook.schema.json` has accepted. */
export interface PlaybookData {
  readonly name: string
  readonly description?: string
  readonly enabled?: boolean
  readonly mode?: Playbook['mode']
  readonly triggers: readonly TriggerData[]
  readonly consts?: Readonly<Record<string, unknown>>
  readonly steps: readonly StepData[]
}
type Texts = string | readonly string[]
interface TriggerData {
  readonly rules?: Texts
  readonly tags?: Texts
  readonly severity?: Texts
}
export interface StepData {
  readonly name: string
  readonly type: string
  readonly if?: string
  readonly 'on-failure'?: {
    readonly continue?: boolean
    readonly retry?: { readonly 'max-attempts': number; readonly delay?: string }
  }
  readonly with: Readonly<Record<string, unknown>>
}

const DEFAULT_RETRY_DELAY_MS = 5_000

/** The playbook that the data means, with all defaults filled in, and everything that is wrong with it. */
export function readPlaybook(
  data: PlaybookData,
  source: { readonly file: string; readonly hash: string },
): { readonly playbook: Playbook; readonly problems: readonly PlaybookProblem[] } {
  const problems: PlaybookProblem[] = []
  const playbook: Playbook = {
    name: data.name,
    description: data.description ?? '',
    enabled: data.enabled ?? true,
    mode: data.mode ?? 'enforce',
    triggers: data.triggers.map(readTrigger),
    consts: data.consts ?? {},
    steps: data.steps.map((step, place) => readStep(step, ['steps', place], problems)),
    ...source,
  }
  for (const [place, step] of playbook.steps.entries()) {
    const first = playbook.steps.findIndex((other) => other.name === step.name)
    if (first < place)
      problems.push({
        path: ['steps', place, 'name'],
        message: `step names must differ, and step ${first + 1} is called "${step.name}" already`,
      })
    if (step.type === 'cloudflare.block' && playbook.steps.findIndex((other) => other.type === step.type) < place)
      problems.push({
        path: ['steps', place, 'type'],
        message: 'a playbook has one cloudflare.block step; list several zones or durations in it',
      })
  }
  return { playbook, problems }
}

function readTrigger(data: TriggerData): Trigger {
  return { rules: texts(data.rules), tags: texts(data.tags), severity: texts(data.severity) }
}

function readStep(data: StepData, path: PlaybookProblem['path'], problems: PlaybookProblem[]): Step {
  const retry = data['on-failure']?.retry
  const base = {
    name: data.name,
    if: data.if ?? null,
    onFailure: {
      continue: data['on-failure']?.continue ?? false,
      retry: retry
        ? {
            maxAttempts: retry['max-attempts'],
            delayMs: retryDelay(retry.delay, [...path, 'on-failure', 'retry', 'delay'], problems),
          }
        : null,
    },
  }
  if (data.type === 'cloudflare.block') return { ...base, ...readBlock(data, [...path, 'with'], problems) }
  if (data.type === 'http') return { ...base, ...readHttp(data) }
  return { ...base, ...readStatus(data, [...path, 'with'], problems) }
}

function readBlock(
  data: StepData,
  path: PlaybookProblem['path'],
  problems: PlaybookProblem[],
): Pick<BlockStep, 'type' | 'durations' | 'zones'> {
  const given = data.with.duration as Texts
  const durations = texts(given).map((text, place) => {
    const where = [...path, 'duration', ...(typeof given === 'string' ? [] : [place])]
    return readDuration(text, where, problems)
  })
  return {
    type: 'cloudflare.block',
    durations,
    zones: data.with.zones === undefined ? null : texts(data.with.zones as Texts),
  }
}

// What the workflow recipes write: this alert's id, or the ids of all alerts, of which there is one here.
const THIS_ALERT =
  /^\s*\$?\{\{-?\s*event\.alerts(\[0\]\._id|\.first\._id|\s*\|\s*map:\s*["']_id["'](\s*\|\s*(first|join(:\s*["'],\s*["'])?|json))?)\s*-?\}\}\s*$/

function readStatus(
  data: StepData,
  path: PlaybookProblem['path'],
  problems: PlaybookProblem[],
): Pick<StatusStep, 'type' | 'status'> {
  for (const key of ['alert_ids', 'signal_ids']) {
    const given = data.with[key]
    if (given === undefined) continue
    const ids = texts(given as Texts)
    if (ids.length !== 1 || !THIS_ALERT.test(ids[0] ?? ''))
      problems.push({
        path: [...path, key],
        message: `${key} is always this alert here: leave it out, or write "{{ event.alerts[0]._id }}"`,
      })
  }
  return { type: 'security.setAlertStatus', status: data.with.status as StatusStep['status'] }
}

function readHttp(data: StepData): Pick<HttpStep, 'type' | 'method' | 'url' | 'headers' | 'body'> {
  const { method, url, headers, body } = data.with
  return {
    type: 'http',
    method: (method as string | undefined) ?? 'GET',
    url: url as string,
    headers: (headers as Record<string, string> | undefined) ?? {},
    body: body ?? null,
  }
}

function retryDelay(text: string | undefined, path: PlaybookProblem['path'], problems: PlaybookProblem[]): number {
  if (text === undefined) return DEFAULT_RETRY_DELAY_MS
  const ms = readDuration(text, path, problems)
  if (ms === null) problems.push({ path, message: 'a retry cannot wait forever' })
  return ms ?? DEFAULT_RETRY_DELAY_MS
}

function readDuration(text: string, path: PlaybookProblem['path'], problems: PlaybookProblem[]): number | null {
  const ms = parseDuration(text)
  if (ms === undefined || ms === 0) {
    problems.push({ path, message: `"${text}" is no duration: write 90s, 30m, 1h30m, 24h, 7d, 1w or forever` })
    return DEFAULT_RETRY_DELAY_MS
  }
  return ms
}

function texts(given: Texts | undefined): readonly string[] {
  return given === undefined ? [] : typeof given === 'string' ? [given] : given
}
