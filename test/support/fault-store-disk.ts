import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { atEnd, type Ends } from './service.ts'
import { emptyDataDir, type StoreConfig } from './stores.ts'
import { findProgram } from './stores-servers.ts'

/** For `skip`: a disk of its own takes root's right to mount. */
export const WITHOUT_MOUNT = canMount() ? false : 'NOT TESTED: mounting a tmpfs is not permitted here'
/** For `skip`. */
export const WITHOUT_PRLIMIT =
  process.platform === 'linux' && findProgram('prlimit') ? false : 'NOT TESTED: there is no prlimit here'

/** A small disk that a test fills. */
export interface Disk {
  readonly directory: string
  /** Leaves no byte. */
  fill(): void
  /** Takes away what filled it. */
  free(): void
  readOnly(): void
}

export function mountDisk(t: Ends, megabytes: number): Disk {
  const directory = mkdtempSync(join(tmpdir(), 'portcullis-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', directory])
  atEnd(t, () => {
    execFileSync('umount', ['-l', directory])
    rmSync(directory, { recursive: true })
  })
  const filler = join(directory, 'filler')
  return {
    directory,
    fill() {
      const file = openSync(filler, 'w')
      for (const piece of [65_536, 512]) writeWhileThereIsRoom(file, Buffer.alloc(piece))
      closeSync(file)
    },
    free: () => rmSync(filler),
    readOnly: () => void execFileSync('mount', ['-o', 'remount,ro', directory]),
  }
}

/** No file of this process grows beyond so many bytes; null: any does. */
export function limitFiles(bytes: number | null): void {
  execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes ?? 'unlimited'}:`])
}

/** The contents of a directory, file by file, but for who opened it last. */
export function contentsOf(directory: string): Record<string, string> {
  const files = readdirSync(directory, { recursive: true }).map(String).sort()
  return Object.fromEntries(
    files
      .filter((file) => statSync(join(directory, file)).isFile() && !file.endsWith('postmaster.pid'))
      .map((file) => [
        file,
        createHash('md5')
          .update(readFileSync(join(directory, file)))
          .digest('hex'),
      ]),
  )
}

function writeWhileThereIsRoom(file: number, piece: Buffer): void {
  try {
    for (;;) writeSync(file, piece)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  }
}

function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false
  const directory = mkdtempSync(join(tmpdir(), 'portcullis-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory], { stdio: 'ignore' })
    execFileSync('umount', ['-l', directory])
    return true
  } catch {
    return false
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** The embedded store in this folder. */
export function embeddedIn(dataDir: string): StoreConfig {
  return { store: { kind: 'embedded' }, dataDir }
}

/** A folder of a test's own for an embedded store. */
export function ownEmpty(t: Ends): string {
  const dataDir = emptyDataDir()
  atEnd(t, () => rmSync(dataDir, { recursive: true, force: true }))
  return dataDir
}
