import type { HistoryEntry } from '../core/history.ts'
import { createClient } from './client.ts'
import { type Command, OUTPUT, queryOf } from './command.ts'
import { underPause } from './paused.ts'
import { table } from './table.ts'
import { EXIT } from './terminal.ts'

export const history: Command = {
  name: 'history',
  usage: '',
  summary: 'what was done to bans and edges, and by whom',
  help: `
Every change to an edge and every order of a person, the newest first: when,
what, at which edge, from which version of its ruleset to which, by whom, which
addresses, and why. \`-o json\` shows all addresses. Who holds a token is named
by \`alice=…\` in OPS_TOKEN. Kept for HISTORY_FOR (365d).

  portcullis history --limit 20
  portcullis why 198.51.100.7           what was done to one address`,
  options: {
    limit: { type: 'string', value: 'N', help: 'at most so many (default 100)' },
    before: { type: 'string', value: 'ID', help: 'only older ones: the `next` of an earlier answer (-o json)' },
    ...OUTPUT,
  },
  words: 0,
  async run(given, terminal) {
    const query = queryOf(given, ['limit', 'before'])
    const answer = await createClient(terminal.environment()).get(`/api/history?${query}`)
    const { entries } = answer as unknown as { entries: readonly HistoryEntry[] }
    const rows = entries.map((entry) => [
      entry.at,
      entry.kind,
      placeOf(entry),
      entry.by,
      `${entry.addresses.slice(0, 3).join(' ')}${entry.addresses.length > 3 ? ` and ${entry.addresses.length - 3} more` : ''}`,
      entry.detail ?? '',
    ])
    const page =
      rows.length === 0 ? 'Nothing yet.' : table(['WHEN', 'WHAT', 'EDGE, VERSION', 'BY', 'ADDRESSES', 'WHY'], rows)
    terminal.say(given.json ? JSON.stringify(answer, null, 2) : underPause(answer, page, terminal))
    return EXIT.ok
  },
}

/** The edge and the versions of its ruleset, before and after: `shop 12 → 13`, or only what is known of it. */
export function placeOf({ edge, versionBefore, versionAfter }: HistoryEntry): string {
  // 0: ours has landed, and nobody saw as which.
  const versions = [versionBefore, versionAfter || undefined].filter((version) => version !== undefined)
  return edge === undefined ? '-' : [edge, versions.join(' → ')].join(' ').trimEnd()
}
