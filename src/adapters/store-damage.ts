import { closeSync, existsSync, openSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Throws where a store was whole once and is not any more: PGlite takes a directory without PG_VERSION for one whose making was
 * interrupted, and would make a new store over what is left. `mark` is the file that says that it was whole.
 */
export function refuseRemains(directory: string, mark: string): void {
  if (existsSync(join(directory, 'PG_VERSION')) || !existsSync(mark) || readdirSync(directory).length === 0) return
  throw new Error(`its files are damaged, PG_VERSION is missing. ${WHAT_TO_DO}`)
}

export function markWhole(mark: string): void {
  closeSync(openSync(mark, 'a', 0o600))
}

/** PGlite's words for files that it cannot read say nothing to anybody. */
export function whyUnreadable(message: string, mark: string): string {
  if (!existsSync(mark) || !/^Aborted\(|failed to initialize/.test(message)) return message
  return `PostgreSQL cannot work with its files, they may be damaged (${message}). ${WHAT_TO_DO}`
}

const WHAT_TO_DO =
  'Nothing in it was changed. Restore the directory from a backup, or move it away to begin anew: the bans that stand at Cloudflare are taken over then'
