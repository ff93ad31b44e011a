import { type AlertRecord, isReopenable, type Outcome } from './outcome.ts'
import type { Playbook } from './playbook.ts'

/** Names and ids of the rules whose open alerts are looked for: those of enabled playbooks, and `more`. */
export function rulesToCatchUp(playbooks: readonly Playbook[], more: readonly string[]): string[] {
  const named = playbooks.filter(({ enabled }) => enabled).flatMap(({ triggers }) => triggers.flatMap((t) => t.rules))
  return [...new Set([...named, ...more])]
}

const OUTCOMES: Readonly<Record<Outcome, true>> = {
  ...{ blocked: true, done: true, partly: true, lapsed: true, 'gave-up': true, displaced: true, 'unknown-alert': true },
  ...{ 'no-address': true, malformed: true, private: true, cloudflare: true, allowlisted: true, released: true },
  ...{ 'too-broad': true, 'too-old': true, observing: true, 'quota-spent': true },
}

/** Outcomes that catch-up does not change: alerts tagged with one are not read again. */
export const SETTLED: readonly Outcome[] = (Object.keys(OUTCOMES) as Outcome[]).filter((word) => !isReopenable(word))

/** `take`: to the queue with it · `tag`: it is concluded and Elastic does not say so · `leave`: nothing to do now. */
export type OpenVerdict =
  | { readonly kind: 'take' }
  | { readonly kind: 'tag'; readonly word: Outcome }
  | { readonly kind: 'leave' }

// A job writes to its record each time it runs, at the latest every minute; beyond this it may have been lost.
const LOST_AFTER_MS = 15 * 60_000
// What failed is not taken up again in the rhythm of a catch-up that looks every few seconds …
const REST_MS = 4 * 60_000
// … and what was given up fails for good in most cases, each time with a message to people.
const REST_GIVEN_UP_MS = 60 * 60_000

/** What an open alert needs, by what the ledger knows of it. `observing`: whoever took it up now would only observe it. */
export function judgeOpen(record: AlertRecord | undefined, observing: boolean, now: Date): OpenVerdict {
  if (record === undefined) return { kind: 'take' }
  const age = now.getTime() - Date.parse(record.at)
  if (record.outcome === null) return { kind: age > LOST_AFTER_MS ? 'take' : 'leave' }
  if (!isReopenable(record.outcome)) return observing ? { kind: 'leave' } : { kind: 'tag', word: record.outcome }
  if (record.outcome === 'observing') return { kind: observing ? 'leave' : 'take' }
  return { kind: age > (record.outcome === 'gave-up' ? REST_GIVEN_UP_MS : REST_MS) ? 'take' : 'leave' }
}
