import type { Alert } from '../core/alert.ts'
import { type AlertRecord, isReopenable } from '../core/outcome.ts'
import type { Playbook } from '../core/playbook.ts'
import { matchPlaybook } from '../core/playbook-match.ts'
import { readsEvidence } from '../core/playbook-scope.ts'
import type { Clock, JobData, Queue, Records } from '../ports.ts'
import { coalesce } from './coalesce.ts'
import { reopen } from './reopen.ts'

export interface Intake {
  /** Durable when it resolves; throws a StoreError when it cannot be made so. */
  accept(alerts: readonly Alert[]): Promise<{ accepted: number; duplicates: number; unmatched: number }>
}

export interface IntakeDeps {
  readonly records: Records
  readonly queue: Queue
  readonly clock: Clock
  readonly playbooks: () => readonly { readonly playbook: Playbook; readonly text: string }[]
  readonly events: { accepted(e: { alert: Alert; playbook?: string }): void }
}

interface Candidate {
  readonly alert: Alert
  readonly data: JobData
}

// Deliveries of concluded alerts that arrive while others are taken up again share the next time.
const PAUSES = { quietMs: 0, mostMs: 0, mostItems: 100 }
// Alerts accepted by this process and perhaps not decided yet, to tell repeated deliveries.
const RECENT = 20_000
// A store that was emptied meanwhile has the texts of playbooks again after so long.
const KEEP_AGAIN_MS = 10 * 60_000

/** From alerts to durable jobs: matched to their playbook, each once. */
export function createIntake(deps: IntakeDeps): Intake {
  const { records, queue, clock, events } = deps
  /** By hash, when it was last written, ms. */
  const kept = new Map<string, number>()
  const recent = new Set<string>()
  const together = coalesce(takeUpAgain, clock, PAUSES)

  /** Deliveries do not wait for each other: what arrives together, the store takes together. Answers how many are news. */
  async function take(candidates: readonly Candidate[]): Promise<number> {
    const each = [...new Map(candidates.map((c) => [c.alert.id, c])).values()]
    const outcomes = await outcomesOf(each)
    const fresh = each.filter(({ alert }) => !isKnown(outcomes.get(alert.id)))
    const again = each.filter(({ alert }) => isToReopen(outcomes.get(alert.id)))
    await keepPlaybooks()
    await queue.add(fresh.map(({ alert, data }) => ({ id: alert.id, data })))
    const news = fresh.filter(({ alert }) => isNews(alert, outcomes.get(alert.id))).length
    return again.length === 0 ? news : news + (await together.ask(again))
  }

  /** One after the other: an earlier delivery may have taken the same alert up again, and it may be concluded by now. */
  async function takeUpAgain(batches: readonly (readonly Candidate[])[]): Promise<number[]> {
    const each = new Map(batches.flat().map((c) => [c.alert.id, c]))
    const outcomes = await outcomesOf([...each.values()])
    const again = [...each.values()].filter(({ alert }) => isToReopen(outcomes.get(alert.id)))
    await reopen(
      deps,
      again.map(({ data }) => data),
    )
    const taken = new Set(again.map(({ alert }) => alert.id))
    return batches.map((batch) => batch.filter(({ alert }) => taken.delete(alert.id)).length)
  }

  async function outcomesOf(candidates: readonly Candidate[]): Promise<Map<string, AlertRecord>> {
    const known = await records.get<AlertRecord>(
      'outcomes',
      candidates.map(({ alert }) => alert.id),
    )
    return new Map([...known].map(([id, { doc }]) => [id, doc]))
  }

  /** An add of a stored id does nothing, so alerts at work are added again: one of them may have lost its job. */
  function isKnown(record: AlertRecord | undefined): boolean {
    return record !== undefined && record.outcome !== null
  }

  function isToReopen(record: AlertRecord | undefined): boolean {
    return record?.outcome != null && isReopenable(record.outcome)
  }

  function isNews(alert: Alert, record: AlertRecord | undefined): boolean {
    const news = record === undefined && !recent.has(alert.id)
    recent.add(alert.id)
    if (recent.size > RECENT) recent.delete(recent.values().next().value as string)
    return news
  }

  async function keepPlaybooks(): Promise<void> {
    const now = clock.now().getTime()
    const missing = deps.playbooks().filter(({ playbook }) => now - (kept.get(playbook.hash) ?? 0) >= KEEP_AGAIN_MS)
    if (missing.length === 0) return
    const put = missing.map(({ playbook, text }) => ({
      collection: 'playbooks' as const,
      id: playbook.hash,
      doc: { file: playbook.file, text },
    }))
    await records.commit({ put })
    for (const { playbook } of missing) kept.set(playbook.hash, now)
  }

  return {
    async accept(alerts) {
      const playbooks = deps.playbooks().map(({ playbook }) => playbook)
      const acceptedAt = clock.now().toISOString()
      const candidates = alerts.flatMap((alert): Candidate[] => {
        const playbook = matchPlaybook(playbooks, alert)
        return playbook === null ? [] : [{ alert, data: jobOf(alert, playbook, acceptedAt) }]
      })
      const accepted = candidates.length === 0 ? 0 : await take(candidates)
      for (const { alert, data } of candidates) events.accepted({ alert, playbook: data.playbook.name })
      return { accepted, duplicates: candidates.length - accepted, unmatched: alerts.length - candidates.length }
    },
  }
}

function jobOf(alert: Alert, playbook: Playbook, acceptedAt: string): JobData {
  return {
    alert: readsEvidence(playbook) ? alert : { ...alert, evidence: {} },
    playbook: { name: playbook.name, hash: playbook.hash },
    wantsBlock: playbook.steps.some((step) => step.type === 'cloudflare.block'),
    acceptedAt,
    checkpoints: {},
  }
}
