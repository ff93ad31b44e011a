import type { Alert } from '../core/alert.ts'
import { messageOf } from '../errors.ts'
import type { Events } from '../events.ts'
import type { Log } from '../log.ts'
import type { Page } from './demo-page.ts'

/** What the service reported about itself, for the end of the story. */
export interface Seen {
  /** Outcomes by alert id, in the order in which they came. */
  readonly concluded: Map<string, string[]>
  /** Addresses as they were adopted. */
  readonly adopted: string[]
  /** Alerts that were delivered and known already. */
  duplicates: number
}

export function createSeen(): Seen {
  return { concluded: new Map(), adopted: [], duplicates: 0 }
}

/** Shows nothing but errors: the story is told by events, and an error must not be missing from it. */
export function troubleLog(page: Page): Log {
  return { error: (message) => page.tell('trouble', message, 'red'), warn() {}, info() {}, debug() {} }
}

/** The service's own events, told as they happen; `label` names an alert. */
export function tellingEvents(events: Events, page: Page, seen: Seen, label: (id: string) => string): Events {
  const wording: Partial<Events> = {
    started: ({ webhook }) => page.tell('Portcullis', `takes webhooks at ${webhook}`),
    webhook({ accepted, duplicates, invalid, result, detail }) {
      seen.duplicates += duplicates
      if (result !== 'accepted') return page.tell('Portcullis', `refuses the delivery: ${result} ${detail}`, 'red')
      const counts = [
        accepted > 0 ? `stores ${counted(accepted, 'new alert')}` : '',
        duplicates > 0 ? `knows ${duplicates === 1 ? 'it' : duplicates} already, nothing is done twice` : '',
        invalid > 0 ? `cannot read ${counted(invalid, 'alert')}` : '',
      ]
      page.tell('Portcullis', `${counts.filter(Boolean).join('; ')} (202)`)
    },
    decided({ alert, bans, refused }) {
      if (bans.length > 0) page.tell('Portcullis', `“${label(alert.id)}”: ${list(bans)} is to be blocked`)
      else if (refused.length === 0)
        page.tell('Portcullis', `“${label(alert.id)}”: ${list(alert.suspects)} has its ban already`)
    },
    refused({ alert, refusal, detail }) {
      page.tell('Portcullis', `“${label(alert.id)}” blocks nobody, ${refusal}: ${detail}`, 'green')
    },
    adopted({ addresses }) {
      seen.adopted.push(...addresses.map(textOf))
      const them = addresses.length === 1 ? 'it' : 'them'
      page.tell('Portcullis', `finds ${list(addresses)} in the rule, put there by people, and keeps ${them}`)
    },
    cloudflareCall({ method, status }) {
      if (status === 429) page.tell('Cloudflare', `429: too many calls, come back later`, 'red')
      else if (method === 'PUT' && status === 200) page.tell('Cloudflare', 'takes the new version of the rules (PUT)')
      else if (status !== 200) page.tell('Cloudflare', `answers ${status} to a ${method}`, 'red')
    },
    collided({ overwritten }) {
      const count = typeof overwritten === 'number' ? overwritten : overwritten.length
      const whose = count === 1 ? "somebody's version" : `${count} versions of others`
      page.tell(
        'Portcullis',
        `sees by the version number that it wrote over ${whose}; it fetches that and applies it again`,
      )
    },
    held: ({ addresses }) => page.tell('Cloudflare', `holds ${list(addresses)}`, 'bold'),
    retried({ alert, error }) {
      const [reason] = messageOf(error).split(' (')
      page.tell('Portcullis', `“${label(alert.id)}” stays open and will be tried again: ${reason}`)
    },
    parked: ({ alert, reason }) => page.tell('Portcullis', `“${label(alert.id)}” waits: ${reason}`),
    statusSet({ alerts, status, tag }) {
      const done = status ?? 'left open'
      page.tell('Elastic', `${counted(alerts, 'alert')} ${done}, tagged portcullis:${tag}`, 'bold')
    },
    concluded: ({ alert, outcome }) => remember(seen, alert, outcome),
  }
  return combine(events, wording)
}

/** The real event first, then the telling. */
function combine(events: Events, wording: Partial<Events>): Events {
  const all = Object.entries(events).map(([name, report]) => {
    const tell = wording[name as keyof Events] as ((...given: unknown[]) => void) | undefined
    const both = (...given: unknown[]): void => {
      ;(report as (...given: unknown[]) => void)(...given)
      tell?.(...given)
    }
    return [name, both]
  })
  return Object.fromEntries(all) as Events
}

function remember({ concluded }: Seen, alert: Alert, outcome: string): void {
  concluded.set(alert.id, [...(concluded.get(alert.id) ?? []), outcome])
}

type Addressed = Parameters<Events['held']>[0]['addresses'][number]

function list(addresses: readonly Addressed[]): string {
  return addresses.map(textOf).join(', ')
}

function textOf(address: Addressed): string {
  if (typeof address === 'string') return address
  return 'address' in address ? address.address : address.text
}

export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
