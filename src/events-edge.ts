import { isListEdge } from './core/list-edge.ts'
import { type Addressed, addressFields, because, brief, counted, event, labels, listed } from './events-fields.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'

interface AtEdge {
  readonly edge: string
}
interface Addresses {
  readonly addresses: readonly Addressed[]
}

/** What happens at the edges, and to bans. */
export interface EdgeEvents {
  /** `result`: a word for the counter; `ms`: how long it took; `wrote`: whether it changed the rule, or by how many terms. */
  pass(seen: AtEdge & { readonly result: string; readonly ms: number | null; readonly wrote: boolean | number }): void
  held(seen: AtEdge & Addresses): void
  adopted(seen: AtEdge & Addresses): void
  released(seen: AtEdge & Addresses & { readonly by: string }): void
  entriesWithdrawn(seen: AtEdge & Addresses & { readonly version: number }): void
  staleCopyRepaired(seen: AtEdge & Addresses & { readonly version: number }): void
  putBack(seen: AtEdge & Addresses & { readonly version: number }): void
  contested(seen: AtEdge): void
  /** `state`: `edge-disabled`, `edge-busy`, …; `ok` or '' when it is over. A state that goes on is written once. */
  edgeState(seen: AtEdge & { readonly state: string; readonly detail: string }): void
  displaced(seen: AtEdge & Addresses): void
  /** `how`: `ended`, `lapsed`, or the guard that refuses the address now. */
  ended(seen: Addresses & { readonly how: string }): void
  collided(seen: AtEdge & { readonly version: number; readonly overwritten: number | readonly unknown[] }): void
  /** `waiting`: how many bans (or which) have no room; a number that stays is written once. */
  edgeFull(seen: AtEdge & { readonly waiting: number | readonly unknown[] }): void
  cloudflareCall(seen: { readonly method: string; readonly status: number | string }): void
  /** What a first pass in enforce mode would take over; nothing has been. */
  wouldAdopt(seen: AtEdge & Addresses): void
  /** How the edge stands after a pass; for the gauges. */
  standing(
    seen: AtEdge & {
      readonly held: number
      readonly waiting: Readonly<Record<string, number>>
      readonly used: number
      readonly limit: number
    },
  ): void
  unban(seen: Addresses & { readonly by: string; readonly reason: string }): void
}

// After these the edge is not known to be as it should be, so the time of the last good pass stays.
const UNSETTLED =
  /^(fail|error|lost|lease|skip|crash|abort|edge-(busy|contested|action|ambiguous|unreadable|unreferenced|list))/

export function createEdgeEvents(deps: {
  readonly log: Log
  readonly metrics: Metrics
  readonly now: () => Date
}): EdgeEvents {
  const { log, metrics, now } = deps
  const last = new Map<string, string>()
  const isNew = (key: string, value: string) => {
    const known = last.get(key)
    last.set(key, value)
    return known !== value
  }

  return {
    pass({ edge, result, ms, wrote }) {
      const settled = !UNSETTLED.test(result)
      metrics.pass(edge, result, ms === null ? null : ms / 1000)
      if (settled) metrics.setLastSettle(edge, now())
      log[settled ? (wrote ? 'info' : 'debug') : 'warn'](
        `pass over ${edge}: ${result}${wrote ? ', it was written' : ''}`,
        event(
          'edge-pass',
          settled ? 'success' : 'failure',
          because(result),
          ms === null ? {} : { 'event.duration': Math.round(ms * 1e6) },
          labels({ edge, wrote: Number(wrote) }),
        ),
      )
    },
    held({ edge, addresses }) {
      log.info(`${edge} now holds ${listed(addresses)}`, event('ban-held', 'success', ...at(edge, addresses)))
    },
    adopted({ edge, addresses }) {
      log.warn(
        `adopted ${listed(addresses)}, which somebody put into ${placeOf(edge)}`,
        event('ban-adopted', 'success', ...at(edge, addresses)),
      )
    },
    released({ edge, addresses, by }) {
      log.warn(
        `released ${listed(addresses)}: ${brief(by)} took ${addresses.length === 1 ? 'it' : 'them'} out of ${placeOf(edge)}`,
        event('ban-released', 'success', ...at(edge, addresses, { by })),
      )
    },
    entriesWithdrawn({ edge, version, addresses }) {
      log.info(
        `version ${version} of ${edge} no longer has ${listed(addresses)}, entered there by others, and nothing else but terms changed: it is theirs to take out`,
        event('entries-withdrawn', 'success', ...at(edge, addresses, { version })),
      )
    },
    staleCopyRepaired({ edge, version, addresses }) {
      log.warn(
        `version ${version} of ${edge} was saved from a stale copy; put back ${listed(addresses)}`,
        event('stale-copy-repaired', 'success', ...at(edge, addresses, { version })),
      )
    },
    putBack({ edge, version, addresses }) {
      log.error(
        isListEdge(edge)
          ? `somebody emptied ${edge}, which looks like an accident; put back ${listed(addresses)}, this once`
          : addresses.length === 0
            ? `version ${version} of ${edge} took the list out of our rule, which looks like an accident; put back, this once`
            : `version ${version} of ${edge} emptied our rule, which looks like an accident; put back ${listed(addresses)}, this once`,
        event('rule-put-back', 'success', ...at(edge, addresses, { version })),
      )
    },
    contested({ edge }) {
      log.error(
        `${isListEdge(edge) ? edge : `our rule at ${edge}`} was emptied again within 24 h, or deleted: nothing more is written there until \`portcullis resume\``,
        event('edge-contested', 'failure', labels({ edge })),
      )
    },
    edgeState({ edge, state, detail }) {
      const fine = state === '' || state === 'ok'
      const changed = isNew(`state ${edge}`, state)
      log[changed ? (fine ? 'info' : 'error') : 'debug'](
        fine ? `${edge} can be written again` : `${edge}: ${state}${detail === '' ? '' : `: ${brief(detail)}`}`,
        event(
          'edge-state',
          fine ? 'success' : 'failure',
          because(state),
          labels({ edge, state: state || 'ok', detail }),
        ),
      )
    },
    displaced({ edge, addresses }) {
      log.warn(
        `${edge} has no room left for ${listed(addresses)}; people's entries and operators' bans go first`,
        event('ban-displaced', 'failure', ...at(edge, addresses)),
      )
    },
    ended({ addresses, how }) {
      log.info(
        `${counted(addresses.length, 'ban')} ended${how === 'ended' ? '' : ` (${brief(how)})`}: ${listed(addresses)}`,
        event('ban-ended', 'success', because(how), ...at('', addresses)),
      )
    },
    collided({ edge, version, overwritten }) {
      const count = sizeOf(overwritten)
      log.warn(
        `somebody wrote to ${edge} just before our version ${version}; ${counted(count, 'version')} of theirs will be applied again`,
        event('edge-collided', 'failure', labels({ edge, version, overwritten: count })),
      )
    },
    edgeFull({ edge, waiting }) {
      const count = sizeOf(waiting)
      log[isNew(`full ${edge}`, String(count)) ? 'warn' : 'debug'](
        count === 0 ? `${edge} has room again` : `${edge} is full: ${counted(count, 'ban')} without room`,
        event('edge-full', count === 0 ? 'success' : 'failure', labels({ edge, waiting: count })),
      )
    },
    cloudflareCall({ method, status }) {
      metrics.cloudflareCall(method, status)
      const good = Number(status) < 400
      log.debug(
        `Cloudflare ${method}: ${status}`,
        event('cloudflare-call', good ? 'success' : 'failure', labels({ method, status: String(status) })),
      )
    },
    wouldAdopt({ edge, addresses }) {
      const what = addresses.length === 0 ? 'nothing' : listed(addresses, 50)
      log.info(
        `observing: at ${edge} Portcullis would adopt ${what}; set MODE=enforce to begin`,
        event('would-adopt', 'success', ...at(edge, addresses)),
      )
    },
    standing({ edge, held, waiting, used, limit }) {
      metrics.setBans(edge, { held, ...waiting })
      metrics.setRoom(edge, { used, limit, waiting: waiting['edge-full'] ?? 0 })
      log.debug(
        `${edge} holds ${counted(held, 'ban')} in ${used} of ${limit} ${isListEdge(edge) ? 'items' : 'characters'}`,
        event('edge-standing', 'success', labels({ edge, held, used, limit })),
      )
    },
    unban({ addresses, by, reason }) {
      log.info(
        `${brief(by) || 'somebody'} lifted ${listed(addresses)}${reason === '' ? '' : `: ${brief(reason)}`}`,
        event('ban-lifted', 'success', because(reason), { 'user.name': brief(by) }, ...at('', addresses)),
      )
    },
  }
}

function placeOf(edge: string): string {
  return isListEdge(edge) ? edge : `the rule of ${edge}`
}

/** The whole list is in the ledger's history; a line keeps the first addresses and the number. */
function at(edge: string, addresses: readonly Addressed[], more: Readonly<Record<string, string | number>> = {}) {
  const list = listed(addresses, 50)
  return [addressFields(addresses), labels({ edge, count: addresses.length, addresses: list.slice(0, 300), ...more })]
}

function sizeOf(counted: number | readonly unknown[]): number {
  return typeof counted === 'number' ? counted : counted.length
}
