import type { Edge, Rule, Ruleset } from '../../src/ports.ts'

/** What becomes of one PUT: taken; taken, but its answer is lost; refused; or on its way until `land` is called. */
export type Fate = 'taken' | 'answer-lost' | 'refused' | 'late'

/** One zone's entry point in memory, with Cloudflare's manners, and the handles that a test needs. */
export interface FakeEdge {
  readonly port: Edge
  rules(): readonly Rule[]
  /** 0 while there is no entry point. */
  version(): number
  /** A kept version's rules. */
  at(version: number): readonly Rule[] | null
  /** Saves what a person made of the newest version, or of an old one: a stale copy. */
  edit(change: (rules: readonly Rule[]) => readonly Rule[], from?: number): void
  /** What becomes of the next PUTs, in order; later ones are taken. */
  readonly fates: Fate[]
  /** PUTs on their way. */
  readonly late: (readonly Rule[])[]
  /** The oldest PUT on its way arrives. */
  land(): void
  /** The next reads fail. */
  failingReads: number
  /** Forgets all versions but the newest. */
  forget(): void
  /** Deletes the entry point with all its versions. */
  remove(): void
  /** Bodies of all PUTs, whatever became of them. */
  readonly sent: (readonly Rule[])[]
}

export function fakeEdge(name: string, now: () => Date): FakeEdge {
  let ids = 0
  const newId = () => (++ids).toString(16).padStart(32, '0')
  let id = newId()
  let versions: Ruleset[] = []
  const newest = (): Ruleset => versions.at(-1) ?? { id, version: 0, rules: [] }

  function replace(rules: readonly Rule[]): Ruleset {
    const before = newest()
    const stamped = rules.map((rule) => stamp(rule, before.rules, newId, now()))
    const refs = new Set(stamped.map(({ ref }) => ref))
    if (refs.size < stamped.length) throw new Error('400: refs must be unique within a ruleset')
    const made = { id, version: before.version + 1, rules: stamped }
    versions.push(made)
    return structuredClone(made)
  }

  const edge: FakeEdge = {
    fates: [],
    late: [],
    sent: [],
    failingReads: 0,
    rules: () => structuredClone(newest().rules),
    version: () => newest().version,
    at: (version) => structuredClone(versions.find((v) => v.version === version)?.rules ?? null),
    edit(change, from = newest().version) {
      replace(change(edge.at(from) ?? []))
    },
    land() {
      const rules = edge.late.shift()
      if (rules !== undefined) replace(rules)
    },
    forget() {
      versions = versions.slice(-1)
    },
    remove() {
      versions = []
      id = newId()
    },
    port: {
      name,
      async read() {
        if (edge.failingReads > 0 && edge.failingReads-- > 0) throw new Error('502 from Cloudflare')
        return versions.length === 0 ? null : structuredClone(newest())
      },
      async version(version) {
        return structuredClone(versions.find((v) => v.version === version) ?? null)
      },
      async write(rules) {
        const fate = edge.fates.shift() ?? 'taken'
        edge.sent.push(structuredClone(rules))
        if (fate === 'refused') throw new Error('503 from Cloudflare')
        const sent = structuredClone(rules)
        if (fate === 'late') {
          edge.late.push(sent)
          throw new Error('the PUT timed out')
        }
        const answer = replace(sent)
        if (fate === 'answer-lost') throw new Error('the connection broke')
        return answer
      },
      async dryRun() {},
    },
  }
  return edge
}

/** The edge, but the n-th PUT waits for the n-th thing that happens meanwhile. */
export function interrupted(edge: Edge, meanwhile: readonly (() => void | Promise<void>)[]): Edge {
  let n = 0
  return {
    ...edge,
    async write(rules) {
      await meanwhile[n++]?.()
      return edge.write(rules)
    },
  }
}

/** A rule of known id or ref keeps its id and counts its version; any other gets an id, and a ref where it has none. */
function stamp(sent: Rule, before: readonly Rule[], newId: () => string, at: Date): Rule {
  const { version: _version, last_updated: _updated, ...rule } = structuredClone(sent) as Record<string, unknown>
  const known = before.find((r) => (rule.ref === undefined ? r.id === rule.id : r.ref === rule.ref))
  const id = known?.id ?? newId()
  const made = { ...rule, id, ref: (rule.ref as string | undefined) ?? id }
  const { version = '0', last_updated, ...was } = (known ?? {}) as Record<string, unknown>
  if (known !== undefined && same(made, was)) return { ...made, version, last_updated } as Rule
  return { ...made, version: String(Number(version) + 1), last_updated: at.toISOString() } as Rule
}

function same(a: Record<string, unknown>, b: Record<string, unknown>): boolean {
  const text = (rule: Record<string, unknown>) =>
    JSON.stringify(Object.entries(rule).sort(([x], [y]) => (x < y ? -1 : 1)))
  return text(a) === text(b)
}
