import { DatabaseSync } from 'node:sqlite'
import { messageOf, StoreError } from '../errors.ts'

/**
 * Holds a directory for this process alone, by an operating system's lock on `file`, which is created where it is missing.
 *
 * Node has no file lock of its own; SQLite's exclusive transaction is one (fcntl on Unix, LockFileEx on Windows). The system
 * releases it when the process ends, however it ends, so a lock is never stale, never stolen by age, and holds between
 * containers that share the volume. It does not hold over NFS without a lock daemon.
 *
 * @throws StoreError when another process, or another store of this one, holds it
 */
export function holdDirectory(file: string): { release(): void } {
  let database: DatabaseSync | null = null
  try {
    database = new DatabaseSync(file)
    database.exec('PRAGMA locking_mode = EXCLUSIVE')
    database.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    database?.close()
    if (isBusy(error)) throw new StoreError(`${file} is locked: another Portcullis runs on this data. Stop it first.`)
    throw new StoreError(`${file} cannot be locked: ${messageOf(error)}. Is the directory writable?`, { cause: error })
  }
  const held = database
  return { release: () => held.close() }
}

const SQLITE_BUSY = 5

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY
}
