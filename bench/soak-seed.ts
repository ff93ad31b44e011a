import { systemClock } from '../src/adapters/clock.ts'
import { loadPlaybooks } from '../src/adapters/playbook-files.ts'
import { openStore, type Store } from '../src/adapters/store.ts'
import { readConfig } from '../src/config.ts'
import type { Alert } from '../src/core/alert.ts'
import type { HistoryEntry } from '../src/core/history.ts'
import type { AlertRecord } from '../src/core/outcome.ts'
import { createIntake } from '../src/pipeline/intake.ts'

type Env = Readonly<Record<string, string>>

const AT_ONCE = 1_000
const DAY_MS = 24 * 3600_000

/** Accepts these alerts as the receiver does, with nobody to work on them. */
export async function seedJobs(env: Env, alerts: readonly { id: string; sourceIp: string }[]): Promise<void> {
  await inStore(env, async (store) => {
    const playbooks = await loadPlaybooks('playbooks')
    const queue = store.createQueue()
    const events = { accepted: () => {} }
    const { accept } = createIntake({ ...store, queue, clock: systemClock, playbooks: () => playbooks, events })
    await inChunks(alerts, (some) => accept(some.map(alertOf)))
    await queue.close(0)
  })
}

/** What bans leave behind that have come and gone over the last 30 days: an offence, an outcome and two entries of the history each. */
export async function seedHistory(env: Env, addresses: readonly string[]): Promise<void> {
  const now = Date.now()
  const numbered = addresses.map((address, n) => ({
    address,
    n,
    at: new Date(now - DAY_MS - (29 * DAY_MS * (addresses.length - n)) / addresses.length),
  }))
  await inStore(env, ({ records }) =>
    inChunks(numbered, async (some) => {
      const put = some.flatMap(({ address, n, at }) => {
        const time = at.toISOString()
        const id = `past-alert-of-the-soak-${n}`
        const offence = { address, count: 1, endedAt: time, how: 'ended' }
        const entry = (kind: string, more: object) => ({
          collection: 'history' as const,
          id: `${time}.${kind}.${n}`,
          doc: { at: time, kind, by: 'portcullis', addresses: [address], ...more } satisfies HistoryEntry,
          expires: new Date(now + 335 * DAY_MS),
        })
        return [
          { collection: 'offences' as const, id: address, doc: offence, expires: new Date(now + 150 * DAY_MS) },
          { collection: 'outcomes' as const, id, doc: pastOutcome(address, time), expires: new Date(now + DAY_MS) },
          entry('put-in', {
            edge: 'zone-1',
            versionBefore: n,
            versionAfter: n + 1,
            detail: 'alert: Scanning (a rule)',
          }),
          entry('ended', {}),
        ]
      })
      if (!(await records.commit({ put }))) throw new Error('the ledger did not take its past')
    }),
  )
}

async function inStore(env: Env, work: (store: Store) => Promise<void>): Promise<void> {
  const needed = { WEBHOOK_SECRET: 'not-used-by-this-program', OPS_TOKEN: 'not-used-by-this-program-either' }
  const store = await openStore(readConfig({ ...env, ...needed, KIBANA_URL: '', KIBANA_API_KEY: '' }))
  try {
    await work(store)
  } finally {
    await store.close()
  }
}

async function inChunks<T>(items: readonly T[], work: (some: T[]) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < items.length; at += AT_ONCE) await work(items.slice(at, at + AT_ONCE))
}

function alertOf({ id, sourceIp }: { id: string; sourceIp: string }): Alert {
  return {
    id,
    index: '.internal.alerts-security.alerts-default-000001',
    space: 'default',
    rule: {
      id: '6f1a3c52-2f0e-4c7e-9d53-0a6b4c1d2e3f',
      ruleId: '8383a8d0-008b-47a5-94e5-496629dc3590',
      name: 'Potential Web Server Scanning',
      tags: ['Domain: Web', 'Tactic: Reconnaissance'],
    },
    severity: 'high',
    time: new Date().toISOString(),
    run: 'scheduled',
    eventTime: true,
    suspects: [sourceIp],
    evidence: {},
  }
}

function pastOutcome(address: string, at: string): AlertRecord {
  return {
    outcome: 'blocked',
    firstDecidedAt: at,
    at,
    waiting: null,
    rule: 'Potential Web Server Scanning',
    playbook: 'Block web attackers',
    space: 'default',
    wanted: [address],
    refused: [],
    status: 'acknowledged',
  }
}
