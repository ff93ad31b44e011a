import { type FSWatcher, watch } from 'node:fs'
import { lstat, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Playbook } from '../core/playbook.ts'
import { inOrder } from '../core/playbook-match.ts'
import { parsePlaybook } from './yaml-playbook.ts'

/** A playbook with the text it was read from, which the store keeps under the playbook's hash. */
export interface PlaybookFile {
  readonly playbook: Playbook
  readonly text: string
}

/** All `*.yaml` and `*.yml` files of the directory in file-name order. Throws one Error with the mistakes of all of them; none at all is one. */
export async function loadPlaybooks(dir: string): Promise<PlaybookFile[]> {
  const { loaded, broken } = await readAll(dir)
  if (broken.size > 0) throw new Error([...broken.values()].map(({ error }) => error.message).join('\n'))
  if (loaded.size === 0) throw new Error(`PLAYBOOKS_DIR: there is no playbook (*.yaml) in ${dir}`)
  return ordered(loaded)
}

export interface PlaybookWatcher {
  close(): void
}

// Editors write a file in several steps, and a deployment several files.
const DEBOUNCE_MS = 200
// Mounts of containers and network file systems often report no changes.
const POLL_MS = 30_000

/**
 * Calls `onChange` with all playbooks whenever a file was changed, added or removed. A broken file keeps its last good
 * version (`kept`), where it had one, and is reported once per version to `onError`; so is a directory that cannot be read
 * or has become empty. `onMended`: what was reported is good again, or gone.
 */
export function watchPlaybooks(
  dir: string,
  initial: readonly PlaybookFile[],
  onChange: (playbooks: PlaybookFile[]) => void,
  onError: (file: string, error: Error, kept: boolean) => void,
  options: { readonly pollMs?: number; readonly debounceMs?: number; readonly onMended?: (file: string) => void } = {},
): PlaybookWatcher {
  let current = new Map(initial.map((entry) => [entry.playbook.file, entry]))
  const reported = new Map<string, string>()
  let closed = false
  let stamps = ''
  let debounce: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()

  const report = (file: string, version: string, error: Error, kept = true) => {
    if (reported.get(file) === version) return
    reported.set(file, version)
    onError(file, error, kept)
  }

  async function reload(): Promise<void> {
    const { loaded, broken } = await readAll(dir)
    if (closed) return
    const next = new Map(loaded)
    for (const [file, { text, error }] of broken) {
      const last = current.get(file)
      if (last) next.set(file, last)
      report(file, text, error, last !== undefined)
    }
    for (const file of [...reported.keys()]) {
      if (broken.has(file) || (file === dir && next.size === 0)) continue
      reported.delete(file)
      options.onMended?.(file)
    }
    if (next.size === 0) {
      report(dir, 'empty', new Error(`no playbook is left in ${dir}; the last ones stay in force`))
      return
    }
    if (signature(next) === signature(current)) return
    current = next
    onChange(ordered(next))
  }

  const soon = () => {
    if (closed) return
    clearTimeout(debounce)
    debounce = setTimeout(() => {
      running = running.then(reload).catch((error: Error) => {
        if (!closed) report(dir, error.message, error)
      })
    }, options.debounceMs ?? DEBOUNCE_MS)
    debounce.unref()
  }

  async function poll(): Promise<void> {
    const seen = await stampsOf(dir).catch(() => 'unreadable')
    if (seen !== stamps) soon()
    stamps = seen
  }

  const watcher = tryWatch(dir, soon)
  void poll()
  const timer = setInterval(() => void poll(), options.pollMs ?? POLL_MS)
  timer.unref()
  return {
    close() {
      closed = true
      clearTimeout(debounce)
      clearInterval(timer)
      watcher?.close()
    },
  }
}

async function readAll(dir: string) {
  const loaded = new Map<string, PlaybookFile>()
  const broken = new Map<string, { text: string; error: Error }>()
  for (const file of await playbookNames(dir)) {
    let text = ''
    try {
      text = await readFile(join(dir, file), 'utf8')
      loaded.set(file, { playbook: parsePlaybook(text, file), text })
    } catch (error) {
      if (await isGone(join(dir, file))) continue
      broken.set(file, { text, error: error as Error })
    }
  }
  return { loaded, broken }
}

/** Removed since the folder was listed; a link to nowhere is still there, and broken. */
async function isGone(path: string): Promise<boolean> {
  return lstat(path).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
  )
}

async function playbookNames(dir: string): Promise<string[]> {
  const names = await readdir(dir).catch((error: Error) => {
    throw new Error(`PLAYBOOKS_DIR: ${dir} cannot be read: ${error.message}`)
  })
  return names.filter((name) => /^[^.].*\.ya?ml$/.test(name)).sort()
}

async function stampsOf(dir: string): Promise<string> {
  const names = await playbookNames(dir)
  const stats = await Promise.all(names.map((name) => stat(join(dir, name)).catch(() => null)))
  return names.map((name, place) => `${name} ${stats[place]?.mtimeMs} ${stats[place]?.size}`).join('\n')
}

function tryWatch(dir: string, onEvent: () => void): FSWatcher | null {
  try {
    const watcher = watch(dir, { persistent: false }, onEvent)
    // The poll goes on where the system has no watches left.
    watcher.on('error', () => watcher.close())
    return watcher
  } catch {
    return null
  }
}

function ordered(files: ReadonlyMap<string, PlaybookFile>): PlaybookFile[] {
  return inOrder([...files.values()].map((entry) => entry.playbook)).flatMap(
    (playbook) => files.get(playbook.file) ?? [],
  )
}

function signature(files: ReadonlyMap<string, PlaybookFile>): string {
  return ordered(files)
    .map(({ playbook }) => `${playbook.file} ${playbook.hash}`)
    .join('\n')
}
