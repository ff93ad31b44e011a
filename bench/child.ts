import { type ChildProcess, type ForkOptions, fork } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'

export type Calls = Readonly<Record<string, (argument: never) => unknown>>

/** A program of its own, reached by messages. */
export interface Child<C extends Calls> {
  call<N extends keyof C & string>(name: N, ...argument: Parameters<C[N]>): Promise<Awaited<ReturnType<C[N]>>>
  readonly memory: Memory
  stop(): Promise<void>
}

export interface Memory {
  /** Resident now, in MB; null where the system does not say. */
  resident(): number | null
  /** The most since `forgetPeak`, in MB. */
  peak(): number | null
  forgetPeak(): void
}

/** In a child: answers the parent's calls, after saying that it is ready. */
export function serveParent(calls: Calls): void {
  process.on('message', async (asked: { name: string; argument: never }) => {
    try {
      process.send?.({ value: await calls[asked.name]?.(asked.argument) })
    } catch (error) {
      process.send?.({ error: error instanceof Error ? error.stack : String(error) })
    }
  })
  process.once('disconnect', () => process.exit(0))
  process.send?.({ ready: true })
}

/** Starts a program of bench/ that uses `serveParent`. One call at a time. */
export async function startChild<C extends Calls>(
  program: string,
  args: readonly (string | number)[],
  options: ForkOptions = {},
): Promise<Child<C>> {
  const child = fork(new URL(program, import.meta.url), args.map(String), { execArgv: [], ...options })
  await message(child, program)
  return {
    async call(name, ...[argument]) {
      const answer = message(child, program)
      child.send({ name, argument: argument ?? null })
      const { value, error } = await answer
      if (error !== undefined) throw new Error(`${program}: ${error}`)
      return value as never
    },
    memory: memoryOf(child.pid ?? 0),
    stop: () => ended(child, 'SIGKILL'),
  }
}

/** Ends a process that we started. */
export async function ended(child: ChildProcess, by: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill(by)
  await exit
}

export async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const address = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port was given')
  return address.port
}

/** As Linux counts it; other systems are not asked. */
export function memoryOf(pid: number): Memory {
  const line = (name: string) => {
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8')
      return Math.round(Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024)
    } catch {
      return null
    }
  }
  return {
    resident: () => line('VmRSS'),
    peak: () => line('VmHWM'),
    forgetPeak() {
      try {
        writeFileSync(`/proc/${pid}/clear_refs`, '5')
      } catch {
        // The peak then counts from the start of the process.
      }
    },
  }
}

function message(child: ChildProcess, program: string): Promise<{ value?: unknown; error?: string }> {
  return new Promise((resolve, reject) => {
    const exit = (code: number | null) => reject(new Error(`${program} ended by itself (${code})`))
    child.once('exit', exit)
    child.once('message', (answer) => {
      child.off('exit', exit)
      resolve(answer as { value?: unknown; error?: string })
    })
  })
}
