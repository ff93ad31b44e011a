import type { Happening } from '../core/notice.ts'
import { messageOf } from '../errors.ts'

type Addressed = string | { readonly address: string } | { readonly text: string }
interface AtEdge {
  readonly edge: string
  readonly addresses: readonly Addressed[]
}

/** The events that people are told of, or that say what need not be told. */
interface Telling {
  held(e: AtEdge): void
  adopted(e: AtEdge): void
  ended(e: { readonly addresses: readonly Addressed[]; readonly how: string }): void
  released(e: AtEdge & { readonly by: string }): void
  unban(e: { readonly addresses: readonly Addressed[]; readonly by: string; readonly reason: string }): void
  edgeFull(e: { readonly edge: string; readonly waiting: number | readonly unknown[] }): void
  standing(e: {
    readonly edge: string
    readonly held: number
    readonly waiting: Readonly<Record<string, number>>
    readonly used: number
    readonly limit: number
  }): void
  refused(e: {
    readonly alert: { readonly rule: { readonly name: string } }
    readonly suspect: string
    readonly refusal: string
    readonly detail: string
  }): void
  putBack(e: AtEdge & { readonly version: number }): void
  contested(e: { readonly edge: string }): void
  gaveUp(e: { readonly alert: { readonly id: string }; readonly error: unknown }): void
  /** `until`: ISO 8601; null: until somebody resumes. */
  paused?(e: { readonly by: string; readonly until: string | null }): void
}

// More bans than any edge has room for are told again when they come back; the memory stays small.
const MOST_TOLD = 50_000

/** The same events, and each that people should know of is passed to `tell` once it has been reported. */
export function tellingEvents<E extends object>(events: E & Telling, tell: (happening: Happening) => void): E {
  // Held once more after the rule was switched off and on again is no new ban, nor is what people put there.
  const known = new Set<string>()
  const full = new Set<string>()
  const key = (edge: string, address: string) => `${edge} ${address}`

  function remember(edge: string, address: string): boolean {
    const isNew = !known.has(key(edge, address))
    known.add(key(edge, address))
    if (known.size > MOST_TOLD) known.delete(known.values().next().value as string)
    return isNew
  }

  function forget(addresses: readonly Addressed[]): void {
    const gone = new Set(addresses.map(textOf))
    for (const each of known) if (gone.has(each.slice(each.indexOf(' ') + 1))) known.delete(each)
  }

  const also: Telling = {
    held({ edge, addresses }) {
      const subjects = addresses.map(textOf).filter((address) => remember(edge, address))
      if (subjects.length > 0) tell({ kind: 'ban', edge, subjects, detail: '' })
    },
    adopted({ edge, addresses }) {
      for (const address of addresses) remember(edge, textOf(address))
    },
    ended: ({ addresses }) => forget(addresses),
    released: ({ addresses }) => forget(addresses),
    unban: ({ addresses }) => forget(addresses),
    edgeFull({ edge, waiting }) {
      const count = typeof waiting === 'number' ? waiting : waiting.length
      if (count === 0 || full.has(edge)) return
      full.add(edge)
      tell({ kind: 'edge-full', edge, subjects: [], detail: `${count} ${count === 1 ? 'ban waits' : 'bans wait'}.` })
    },
    standing({ edge, waiting }) {
      if (!waiting['edge-full']) full.delete(edge)
    },
    refused({ alert, suspect, refusal }) {
      if (refusal !== 'quota-spent') return
      const detail = alert.rule.name === '' ? '' : `Rule: ${alert.rule.name}`
      tell({ kind: 'quota-spent', edge: '', subjects: [suspect], detail })
    },
    putBack: ({ edge, addresses }) => tell({ kind: 'put-back', edge, subjects: addresses.map(textOf), detail: '' }),
    contested: ({ edge }) => tell({ kind: 'contested', edge, subjects: [], detail: '' }),
    gaveUp: ({ alert, error }) => tell({ kind: 'failed', edge: '', subjects: [alert.id], detail: messageOf(error) }),
    paused({ by, until }) {
      const detail = `By ${by || 'somebody'}, ${until === null ? 'until somebody resumes' : `until ${until}`}.`
      tell({ kind: 'paused', edge: '', subjects: [], detail })
    },
  }
  return after(events, also as unknown as Readonly<Record<string, Report>>)
}

type Report = (seen: unknown) => void

/** `events` with those of `also` called after the same ones of theirs. */
export function after<E extends object>(events: E, also: Readonly<Record<string, Report>>): E {
  const both = Object.entries(also).flatMap(([name, more]) => {
    const report = (events as Readonly<Record<string, Report | undefined>>)[name]
    if (report === undefined) return []
    const together: Report = (seen) => {
      report(seen)
      try {
        more(seen)
      } catch {
        // The work goes on even when nobody can be told of it.
      }
    }
    return [[name, together] as const]
  })
  return { ...events, ...Object.fromEntries(both) }
}

function textOf(address: Addressed): string {
  if (typeof address === 'string') return address
  return 'address' in address ? address.address : address.text
}
