import { randomUUID } from 'node:crypto'
import { type Allowlist, resolveName } from './adapters/allowlist.ts'
import { createHttp } from './adapters/http.ts'
import { createTemplates } from './adapters/templates.ts'
import { parsePlaybook } from './adapters/yaml-playbook.ts'
import { createExplain } from './app-explain.ts'
import { createPasses } from './app-passes.ts'
import type { Config } from './config.ts'
import { addressSet } from './core/address-set.ts'
import { CLOUDFLARE_RANGES } from './core/cloudflare-ranges.ts'
import type { Playbook } from './core/playbook.ts'
import { stepScope } from './core/playbook-scope.ts'
import { messageOf, RefusedError, StoreError } from './errors.ts'
import type { Events } from './events.ts'
import { createAllowed, createMerged } from './pipeline/allow.ts'
import { createConclusions } from './pipeline/conclusions.ts'
import { createReopenDisplaced } from './pipeline/displaced.ts'
import { createHealth } from './pipeline/health.ts'
import { createIntake } from './pipeline/intake.ts'
import { createIntents } from './pipeline/intents.ts'
import { LeaseLostError } from './pipeline/lease.ts'
import { createMarks } from './pipeline/marks.ts'
import { createParking } from './pipeline/parking.ts'
import type { Friends, PassReport } from './pipeline/pass-types.ts'
import { createPausing } from './pipeline/pause.ts'
import { createPlaybookReader } from './pipeline/playbooks.ts'
import { createRespond } from './pipeline/respond.ts'
import { resumeEdges } from './pipeline/resume.ts'
import { createSettler } from './pipeline/settler.ts'
import { createBlock } from './pipeline/steps/block.ts'
import { createHttpStep } from './pipeline/steps/http.ts'
import { createSetStatus } from './pipeline/steps/set-status.ts'
import type { StepContext } from './pipeline/steps/step.ts'
import { startTick } from './pipeline/tick.ts'
import type { Clock, Edge, Queue, Records, Siem } from './ports.ts'
import type { AddressList } from './ports-list.ts'

export interface PipelineDeps {
  readonly config: Config
  readonly events: Events
  readonly records: Records
  readonly queue: Queue
  readonly clock: Clock
  readonly edges: readonly Edge[]
  /** The account's list; absent: no account is configured. */
  readonly list?: AddressList | null
  /** null: no status is ever set. */
  readonly siem: Siem | null
  readonly allowlist: Allowlist
  readonly playbooks: () => readonly { readonly playbook: Playbook; readonly text: string }[]
}

export type Pipeline = ReturnType<typeof createPipeline>

const NO_SIEM: Siem = {
  mark: () => Promise.reject(new RefusedError('elastic', 'neither ELASTICSEARCH_URL nor KIBANA_URL is set')),
  probe: () => Promise.resolve(),
}

/** Everything between the queue and the world, put together; nothing runs yet. */
export function createPipeline(deps: PipelineDeps) {
  const { config, events, records, queue, clock, allowlist } = deps
  const observing = config.mode === 'observe'
  // Unique to this instance: the lease of one that died is never taken for ours.
  const holder = randomUUID()
  const parking = createParking({ records, queue })
  const inBackground = (what: string, work: Promise<unknown>) =>
    void work.catch((error) => events.failed({ what, error }))
  const health = createHealth({
    clock,
    events,
    onRecovered: (part) => inBackground(`waking what waited for ${part}`, parking.wakeReason(part)),
  })
  const cloudflareRanges = addressSet(CLOUDFLARE_RANGES)
  const pausing = createPausing({ records, clock, health })
  const onUnresolved = (name: string, error: unknown) =>
    events.configWarning({ message: `${name} of the allowlist keeps its last addresses: ${messageOf(error)}` })
  const allowed = createAllowed({ records, clock, resolve: resolveName, onError: onUnresolved })
  const merged = createMerged()
  const refreshAllowlist = async () => {
    const [failed] = await Promise.all([allowlist.refresh(), allowed.refresh()])
    const never = allowlist.unresolved()
    if (never.length > 0) health.refused('allowlist', neverResolved(never))
    else if (failed.length > 0)
      health.failed(
        'allowlist',
        `ALLOWLIST: ${failed.join(', ')} cannot be looked up; the last addresses stay in force`,
      )
    else health.works('allowlist')
  }
  const friends = async (): Promise<Friends> => ({
    allowlist: merged(allowlist.entries(), await allowed.entries()),
    cloudflareRanges,
    allowDocumentationRanges: config.allowDocumentationRanges,
  })
  const reopenDisplaced = createReopenDisplaced({ records, queue, clock, siem: deps.siem, events })

  // A token may have one permission and lack another: it works once no edge refuses it.
  const refusedAt = new Set<string>()
  function afterPass(report: PassReport): void {
    inBackground('looking whether new bans are paused', pausing.look())
    if (!report.unseen) refusedAt.delete(report.edge)
    if (refusedAt.size === 0) health.works('cloudflare')
    if (report.state === 'ok') health.works(`edge:${report.edge}`)
    else health.refused(`edge:${report.edge}`, `${report.state}: ${report.detail}`)
    if (report.changed.length > 0) inBackground('waking parked alerts', parking.wakeFor(report.changed))
    if (report.displaced.length > 0) inBackground('reopening displaced alerts', reopenDisplaced())
  }

  function onPassFailure(edge: string, error: unknown): void {
    if (error instanceof RefusedError) {
      refusedAt.add(edge)
      health.refused(error.part, messageOf(error))
      health.answers(`edge:${edge}`)
    } else if (!(error instanceof StoreError || error instanceof LeaseLostError)) {
      health.failed(`edge:${edge}`, `failing: ${messageOf(error)}`)
    }
    events.pass({ edge, result: 'failed', ms: null, wrote: false })
  }

  const wouldAdopt = new Map<string, readonly string[]>()
  const { passes, first, listed, tidy } = createPasses(config, {
    edges: deps.edges,
    list: deps.list ?? null,
    common: {
      records,
      clock,
      holder,
      newId: () => newId(holder),
      adoptForMs: config.adoptForMs,
      releaseForMs: config.releaseForMs,
      maxAlertAgeMs: config.maxAlertAgeMs,
      offenceMemoryMs: config.offenceMemoryMs,
      historyForMs: config.historyForMs,
      observing,
      friends,
      events: {
        ...events,
        wouldAdopt({ edge, addresses }) {
          // Every pass finds the same until enforcing: only news is told.
          const said = wouldAdopt.get(edge)?.join() === addresses.join()
          wouldAdopt.set(edge, addresses)
          if (!said) events.wouldAdopt({ edge, addresses })
        },
      },
    },
  })
  const settler = createSettler({ passes, first, clock, afterPass, onFailure: onPassFailure })
  const mark = createMarks({ records, siem: deps.siem ?? NO_SIEM, clock, events })
  const intend = createIntents({
    records,
    clock,
    friends: () => knownFriends(allowlist, friends),
    maxBansPerHour: config.maxBansPerHour,
    maxAlertAgeMs: config.maxAlertAgeMs,
  })
  const templates = createTemplates()
  const scopeOf = ({ data, playbook, outputs }: StepContext) => stepScope(data.alert, playbook, outputs)
  const playbookBy = createPlaybookReader({ records, loaded: deps.playbooks, parse: parsePlaybook })
  const respond = createRespond({
    records,
    clock,
    health,
    parking,
    conclude: createConclusions({ records, clock, events }),
    playbookBy,
    observing,
    giveUpAfterMs: config.giveUpAfterMs,
    steps: {
      'cloudflare.block': createBlock({ records, clock, settler, intend, maxAlertAgeMs: config.maxAlertAgeMs, events }),
      'security.setAlertStatus': createSetStatus({ clock, mark, events }),
      http: createHttpStep({
        http: createHttp({ allowPrivateTargets: config.httpPrivateTargets }),
        templates,
        scopeOf,
      }),
    },
    test: (condition, context) => templates.test(condition, { ...scopeOf(context) }),
    mark,
    events,
  })

  return {
    health,
    settler,
    friends,
    allowed,
    pausing,
    wake: parking.wakeFor,
    given: allowlist.entries,
    refreshAllowlist,
    explain: createExplain({ ...deps, friends }, 'the ledger and the edges of the running service'),
    wouldAdopt: () => wouldAdopt,
    listed,
    /** Ends an `edge-contested` stop (null: wherever there is one) and settles; answers the edges where there was one. */
    async resume(edge: string | null): Promise<string[]> {
      // Under a name of its own it waits for a pass under way, which would write the stop down again.
      const own = { records, clock, holder: `${holder}.resume` }
      const resumed = await resumeEdges(own, edge === null ? settler.edges : [edge])
      // What the list holds again, the zones do.
      if (resumed.length > 0) await settler.settle(first !== undefined && resumed.includes(first) ? null : resumed)
      return resumed
    },
    respond,
    playbookBy,
    intake: createIntake({ records, queue, clock, playbooks: deps.playbooks, events }),
    startTick: () =>
      startTick({
        records,
        siem: deps.siem,
        clock,
        reopenDisplaced,
        settler,
        tidy,
        health,
        refreshAllowlist,
        onFailure: (what, error) => events.failed({ what, error }),
      }),
  }
}

let counter = 0

/** Rises with time as text. */
function newId(holder: string): string {
  counter++
  return `${new Date().toISOString()}.${String(counter).padStart(6, '0')}.${holder.slice(0, 8)}`
}

/** While a name of the allowlist has never been resolved, nobody knows whom it protects: nothing new is decided. */
function knownFriends<T>(allowlist: Allowlist, friends: () => T): T {
  const names = allowlist.unresolved()
  if (names.length === 0) return friends()
  throw new RefusedError('allowlist', neverResolved(names))
}

function neverResolved(names: readonly string[]): string {
  return `ALLOWLIST: ${names.join(', ')} has never been resolved; no address is banned before it is`
}
