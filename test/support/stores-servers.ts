import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { accessSync, chownSync, constants, readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

/** A server that a test started, or one that was offered to it by a URL. */
export interface Server {
  readonly url: string
  /** Ends it as a pulled plug would. */
  kill(): Promise<void>
  stop(): Promise<void>
}

/** A program on the PATH, in /usr/bin, or in one of the folders; null: this machine has none. */
export function findProgram(name: string, folders: readonly string[] = []): string | null {
  const places = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', ...folders]
  return places.map((folder) => join(folder, name)).find(isProgram) ?? null
}

/** Folders of PostgreSQL's programs, which Debian keeps off the PATH; the newest first. */
export function postgresFolders(): string[] {
  try {
    const versions = readdirSync('/usr/lib/postgresql').sort((a, b) => Number(b) - Number(a))
    return versions.map((version) => `/usr/lib/postgresql/${version}/bin`)
  } catch {
    return []
  }
}

/** `directory`, kept by its owner, lets the server find what an earlier one wrote; `extra` are more of its arguments. */
export async function startRedis(directory?: string, extra: readonly string[] = []): Promise<Server> {
  const program = findProgram('redis-server')
  if (!program) throw new Error('redis-server is not installed')
  const folder = directory ?? (await mkdtemp(join(tmpdir(), 'portcullis-redis-')))
  const settings = ['--bind', '127.0.0.1', '--dir', folder, '--save', '']
  const safety = ['--appendonly', 'yes', '--appendfsync', 'always', '--maxmemory-policy', 'noeviction']
  return onFreePort(async (port) => {
    const words = [...settings, '--port', String(port), ...safety, ...extra]
    const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'] })
    await saying(child, /Ready to accept connections/)
    return server(`redis://127.0.0.1:${port}`, child, 'SIGTERM', directory ? null : folder)
  })
}

/** A cluster of its own in a temporary folder; PostgreSQL refuses to run as root, so then another user does it. */
export async function startPostgres(): Promise<Server> {
  const initdb = findProgram('initdb', postgresFolders())
  const postgres = findProgram('postgres', postgresFolders())
  if (!initdb || !postgres) throw new Error('PostgreSQL is not installed')
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-postgres-'))
  const user = process.getuid?.() === 0 ? unprivileged() : {}
  if (user.uid !== undefined && user.gid !== undefined) chownSync(folder, user.uid, user.gid)
  const data = join(folder, 'data')
  const made = ['-D', data, '-A', 'trust', '-U', 'postgres', '-E', 'UTF8', '--locale=C', '--no-sync']
  execFileSync(initdb, made, { ...user, cwd: folder, stdio: 'ignore' })
  const settings = ['-D', data, '-k', folder, '-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=off']
  return onFreePort(async (port) => {
    const words = [...settings, '-p', String(port)]
    const child = spawn(postgres, words, { ...user, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
    await saying(child, /ready to accept connections/)
    return server(`postgres://postgres@127.0.0.1:${port}/postgres`, child, 'SIGINT', folder)
  })
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** With another port where somebody took this one before the server did. */
async function onFreePort(start: (port: number) => Promise<Server>): Promise<Server> {
  for (let tries = 1; ; tries++) {
    try {
      return await start(await freePort())
    } catch (error) {
      if (tries === 5 || !/address already in use/i.test(String(error))) throw error
    }
  }
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const address = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port was given')
  return address.port
}

function unprivileged(): { uid?: number; gid?: number } {
  for (const name of ['postgres', 'nobody']) {
    try {
      const [uid, gid] = ['-u', '-g'].map((flag) =>
        Number(execFileSync('id', [flag, name], { stdio: 'pipe' }).toString()),
      )
      if (uid !== undefined && gid !== undefined) return { uid, gid }
    } catch {
      // No such user here; the next one.
    }
  }
  throw new Error('PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody')
}

async function saying(child: ChildProcess, words: RegExp): Promise<void> {
  let said = ''
  await new Promise<void>((resolve, reject) => {
    const hear = (chunk: Buffer) => {
      said += chunk.toString()
      if (words.test(said)) resolve()
    }
    child.stdout?.on('data', hear)
    child.stderr?.on('data', hear)
    child.once('error', reject)
    child.once('close', () => reject(new Error(`The server ended before it was ready:\n${said}`)))
  })
}

function server(url: string, child: ChildProcess, signal: NodeJS.Signals, folder: string | null): Server {
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const last = () => child.kill('SIGKILL')
  process.once('exit', last)
  // A test that fails before it stops its server still ends, and the server with it.
  for (const it of [child, child.stdout as Socket | null, child.stderr as Socket | null]) it?.unref()
  async function end(by: NodeJS.Signals): Promise<void> {
    child.ref()
    child.kill(by)
    await exited
    process.removeListener('exit', last)
  }
  return {
    url,
    kill: () => end('SIGKILL'),
    async stop() {
      await end(signal)
      if (folder) await rm(folder, { recursive: true, force: true })
    },
  }
}
