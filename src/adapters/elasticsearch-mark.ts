import type { Mark, Marked } from '../ports.ts'

/** What a mark is judged by; null: there is no such alert. */
export interface AlertState {
  readonly status: string | null
  readonly tags: readonly string[]
}

/** Reads alerts of one space by their ids; those that are missing in the answer do not exist. */
export type ReadAlerts = (space: string, ids: readonly string[]) => Promise<Map<string, AlertState>>

/** `act`: the mark may be made, and is not yet. */
export type Judged = Marked | 'act'

const OURS = 'portcullis:'

/**
 * What stands in the way of a mark, and what is left to be done. This table is also what the update script does by itself, at
 * the moment of the change:
 *
 * | asked ↓ now → | open | acknowledged, our tag | acknowledged, not ours | closed |
 * |---|---|---|---|---|
 * | acknowledged | act | done (tag kept up) | done, untouched | closed |
 * | closed | act | changed | changed | done (tag kept up if ours) |
 * | open | done (tag kept up) | act | changed | closed |
 * | null | tag | tag | tag | tag |
 */
export function judge(mark: Mark, state: AlertState | undefined): Judged {
  if (!state) return 'unknown'
  const { status } = state
  if (mark.status === null) return isTagged(mark, state) ? 'done' : 'act'
  if (status === mark.status) return isTagged(mark, state) || (status !== 'open' && !isOurs(state)) ? 'done' : 'act'
  if (status === 'closed') return 'closed'
  if (mark.status === 'open') return status === 'acknowledged' && isOurs(state) ? 'act' : 'changed'
  return status === 'open' ? 'act' : 'changed'
}

/** Marks that ask for the same, together. */
export function groupMarks(marks: readonly Mark[]): readonly [Mark, ...Mark[]][] {
  return [...Map.groupBy(marks, ({ status, tag }) => `${status} ${tag}`).values()] as [Mark, ...Mark[]][]
}

export function tagOf(mark: Mark): string {
  return OURS + mark.tag
}

/** Tags of ours that the mark's own replaces. */
export function staleTags(mark: Mark, state: AlertState): string[] {
  return state.tags.filter((tag) => tag.startsWith(OURS) && tag !== tagOf(mark))
}

function isOurs(state: AlertState): boolean {
  return state.tags.some((tag) => tag.startsWith(OURS))
}

function isTagged(mark: Mark, state: AlertState): boolean {
  return state.tags.includes(tagOf(mark)) && staleTags(mark, state).length === 0
}

/** Reads the two fields of a hit's `_source`: dotted, nested, or the legacy `signal.status`. */
export function stateOf(source: unknown): AlertState {
  const status = at(source, ['kibana', 'alert', 'workflow_status']) ?? at(source, ['signal', 'status'])
  const tags = [at(source, ['kibana', 'alert', 'workflow_tags']) ?? []].flat()
  return { status: typeof status === 'string' ? status : null, tags: tags.filter((tag) => typeof tag === 'string') }
}

function at(node: unknown, path: readonly string[]): unknown {
  if (path.length === 0) return node
  if (typeof node !== 'object' || node === null) return undefined
  for (let words = path.length; words > 0; words -= 1) {
    const value = (node as Record<string, unknown>)[path.slice(0, words).join('.')]
    const found = value === undefined ? undefined : at(value, path.slice(words))
    if (found !== undefined) return found
  }
  return undefined
}

/** Makes the marks, space by space, until nothing is left to do: `act` carries out those that may be made, as far as it can. */
export async function markAll(
  marks: readonly Mark[],
  deps: {
    readonly read: ReadAlerts
    /** `states` are as just read; empty on the first round where `blind`. True: it is certain that all marks were made. */
    act(space: string, marks: readonly Mark[], states: ReadonlyMap<string, AlertState>): Promise<boolean>
    /** Act before the first read: the act itself leaves alone what must be. */
    readonly blind: boolean
  },
): Promise<Map<string, Marked>> {
  const results = new Map<string, Marked>()
  const newest = [...new Map(marks.map((mark) => [mark.id, mark])).values()]
  for (const [space, all] of Map.groupBy(newest, (mark) => mark.space))
    for (let start = 0; start < all.length; start += BATCH) {
      let left: readonly Mark[] = all.slice(start, start + BATCH)
      if (deps.blind && (await deps.act(space, left, new Map()))) {
        for (const mark of left) results.set(mark.id, 'done')
        continue
      }
      for (let round = deps.blind ? 1 : 0; left.length > 0; round += 1) {
        const states = await deps.read(
          space,
          left.map((mark) => mark.id),
        )
        const judged = left.map((mark) => ({ mark, is: judge(mark, states.get(mark.id)) }))
        for (const { mark, is } of judged) if (is !== 'act') results.set(mark.id, is)
        left = judged.filter(({ is }) => is === 'act').map(({ mark }) => mark)
        if (round >= ROUNDS) {
          // A tag alone is a note to people: an alert does not fail for it.
          for (const mark of left) if (mark.status === null) results.set(mark.id, 'changed')
          left = left.filter((mark) => mark.status !== null)
        }
        if (left.length === 0) break
        if (round >= ROUNDS)
          throw new Error(
            `Elastic keeps ${left.length} alerts from being updated, among them ${left[0]?.id}: others write to them at the same time`,
          )
        await deps.act(space, left, states)
      }
    }
  return results
}

/** Alerts in one call: as many as Elasticsearch updates in one go. */
const BATCH = 1000
/** Acts for one batch, before it is given up for now. */
const ROUNDS = 4
