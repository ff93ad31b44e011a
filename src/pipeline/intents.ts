import { automaticBan, parseAddress } from '../core/address.ts'
import type { Alert } from '../core/alert.ts'
import type { Ban } from '../core/ban.ts'
import { type BlockDecision, decideBlock, type Offence } from '../core/decide.ts'
import type { Released } from '../core/guards.ts'
import type { AlertRecord } from '../core/outcome.ts'
import type { BlockStep } from '../core/playbook.ts'
import type { Clock, Records, Stored } from '../ports.ts'
import { coalesce } from './coalesce.ts'
import { putRecord } from './ledger.ts'
import type { Friends } from './pass-types.ts'
import { PAUSE, type Pause, PausedError, pauseIn, wordsOf } from './pause.ts'

/** One alert that wants a block. */
export interface Intent {
  readonly alert: Alert
  readonly playbook: string
  readonly step: Pick<BlockStep, 'durations' | 'zones'>
  readonly observing: boolean
  /** Set by a replay: a fresh clock, and never too old. */
  readonly replayedAt: string | null
}

export interface Decided {
  readonly decision: BlockDecision
  readonly record: AlertRecord
  /** Whether a ban was written: a pass has to follow. */
  readonly changed: boolean
}

export interface IntentDeps {
  readonly records: Records
  readonly clock: Clock
  readonly friends: () => Friends | Promise<Friends>
  readonly maxBansPerHour: number
  readonly maxAlertAgeMs: number
}

const HOUR_MS = 3600_000
// Decisions that arrive during a commit share the next one; the size keeps one transaction short.
const PAUSES = { quietMs: 0, mostMs: 0, mostItems: 250 }

/** Decides and writes the intent to the ledger, many alerts in one commit. Durable when it resolves; a PausedError: not now. */
export function createIntents(deps: IntentDeps): (intent: Intent) => Promise<Decided> {
  const together = coalesce((intents: readonly Intent[]) => decideTogether(deps, intents), deps.clock, PAUSES)
  return (intent) => together.ask(intent)
}

async function decideTogether(deps: IntentDeps, intents: readonly Intent[]): Promise<Decided[]> {
  const { records, clock } = deps
  const addresses = [...new Set(intents.flatMap((intent) => addressesOf(intent.alert)))]
  for (;;) {
    const now = clock.now()
    const [friends, stored, offences, outcomes, released, settings] = await Promise.all([
      // Waited for with the rest, also when it throws at once.
      (async () => deps.friends())(),
      records.get<Ban>('bans', addresses),
      records.get<Offence>('offences', addresses),
      records.get<AlertRecord>('outcomes', [...new Set(intents.map((intent) => intent.alert.id))]),
      records.all<Released>('released'),
      records.get<{ times: string[] } & Pause>('settings', ['quota', PAUSE]),
    ])
    const paused = pauseIn(settings.get(PAUSE), now)
    if (paused !== null) throw new PausedError(wordsOf(paused))
    const bans = docs(stored)
    const hourAgo = new Date(now.getTime() - HOUR_MS).toISOString()
    const times = settings.get('quota')?.doc.times.filter((time) => time > hourAgo) ?? []
    const before = times.length
    const { decided, changed } = decideEach(deps, intents, {
      bans,
      times,
      offences: docs(offences),
      outcomes: docs(outcomes),
      released: released.map((r) => r.doc),
      friends,
      now,
    })
    const written = await records.commit({
      expect: [
        ...[...changed].map((id) => ({ collection: 'bans' as const, id, rev: revOf(stored.get(id)) })),
        // Whoever pauses at this moment means this decision, too.
        ...(changed.size > 0 ? [{ collection: 'settings' as const, id: PAUSE, rev: revOf(settings.get(PAUSE)) }] : []),
        ...(times.length > before
          ? [{ collection: 'settings' as const, id: 'quota', rev: revOf(settings.get('quota')) }]
          : []),
      ],
      put: [
        ...[...changed].map((id) => ({ collection: 'bans' as const, id, doc: bans.get(id) })),
        ...decided.map(({ record }, i) => putRecord((intents[i] as Intent).alert.id, record, now)),
        ...(times.length > before ? [{ collection: 'settings' as const, id: 'quota', doc: { times } }] : []),
      ],
    })
    if (written) return decided
  }
}

/** What the ledger knows when alerts are decided. `bans` and `times` (of new bans in the last hour) are carried on from one alert to the next. */
export interface IntentLedger {
  readonly bans: Map<string, Ban>
  readonly times: string[]
  readonly offences: ReadonlyMap<string, Offence>
  readonly outcomes: ReadonlyMap<string, AlertRecord>
  readonly released: readonly Released[]
  readonly friends: Friends
  readonly now: Date
}

/** Decides one alert after the other; `changed`: addresses whose ban is to be written. */
export function decideEach(
  limits: Pick<IntentDeps, 'maxBansPerHour' | 'maxAlertAgeMs'>,
  intents: readonly Intent[],
  { bans, times, offences, outcomes, released, friends, now }: IntentLedger,
): { readonly decided: Decided[]; readonly changed: ReadonlySet<string> } {
  const changed = new Set<string>()
  const decided = intents.map((intent): Decided => {
    const firstDecidedAt = firstDecision(intent, outcomes.get(intent.alert.id), now)
    const decision = decideBlock({
      alert: intent.alert,
      durations: intent.step.durations,
      edges: intent.step.zones,
      guards: {
        ...friends,
        by: 'alert',
        released,
        tooOld: isTooOld(intent, firstDecidedAt, limits.maxAlertAgeMs),
        observing: intent.observing,
        now,
        decidedAt: now,
      },
      bans,
      offences,
      quotaLeft: limits.maxBansPerHour - times.length,
      now,
    })
    for (const ban of decision.bans) {
      bans.set(ban.address, ban)
      changed.add(ban.address)
    }
    for (let i = 0; i < decision.spent; i++) times.push(now.toISOString())
    return { decision, record: recordOf(intent, decision, firstDecidedAt, now), changed: decision.bans.length > 0 }
  })
  return { decided, changed }
}

/** The addresses and prefixes that bans of these suspects would cover. */
export function addressesOf(alert: Alert): string[] {
  return alert.suspects.flatMap((suspect) => {
    const address = parseAddress(suspect)
    return address === null ? [] : [automaticBan(address).text]
  })
}

/** Ages are measured at the first decision, so that waiting does not make an alert too old; a replay starts afresh. */
function firstDecision(intent: Intent, known: AlertRecord | undefined, now: Date): string {
  if (known === undefined) return now.toISOString()
  const replayed = intent.replayedAt !== null && intent.replayedAt > known.firstDecidedAt
  return replayed ? now.toISOString() : known.firstDecidedAt
}

function isTooOld({ alert, replayedAt }: Intent, firstDecidedAt: string, maxAlertAgeMs: number): boolean {
  if (replayedAt !== null) return false
  // Somebody ran the rule over the past: without the event's own time nobody knows how old it is.
  if (alert.run === 'manual' && !alert.eventTime) return true
  return alert.time !== null && Date.parse(firstDecidedAt) - Date.parse(alert.time) > maxAlertAgeMs
}

function recordOf(intent: Intent, decision: BlockDecision, firstDecidedAt: string, now: Date): AlertRecord {
  return {
    outcome: null,
    firstDecidedAt,
    at: now.toISOString(),
    waiting: null,
    rule: intent.alert.rule.name,
    playbook: intent.playbook,
    space: intent.alert.space,
    wanted: decision.wanted,
    refused: decision.refused.map(({ suspect, refusal }) => ({ suspect, refusal })),
  }
}

function docs<T>(stored: ReadonlyMap<string, Stored<T>>): Map<string, T> {
  return new Map([...stored].map(([id, { doc }]) => [id, doc]))
}

function revOf(stored: Stored<unknown> | undefined): number {
  return stored?.rev ?? 0
}
