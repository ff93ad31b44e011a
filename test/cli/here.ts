import { rm } from 'node:fs/promises'
import { after } from 'node:test'
import { runCli } from '../../src/cli/run.ts'
import type { Terminal } from '../../src/cli/terminal.ts'
import { OPS_TOKEN } from '../support/service.ts'
import { type Stage, type StageOptions, stageFor } from '../support/service-stage.ts'
import { emptyDataDir } from '../support/stores.ts'

export interface Said {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs a command line in this process; a process of its own takes a third of a second. */
export async function runHere(
  args: readonly string[],
  env: Record<string, string>,
  more: Partial<Terminal> = {},
): Promise<Said> {
  const said = { out: '', err: '' }
  const code = await runCli(args, {
    environment: () => env,
    say: (text) => {
      said.out += `${text}\n`
    },
    complain: (text) => {
      said.err += `${text}\n`
    },
    interactive: false,
    paint: (_colour, text) => text,
    now: () => new Date(),
    ...more,
  })
  return { ...said, code }
}

/** A world and a service on an embedded store for the tests of this suite, and its operator at the command line. */
export function operatorsStage(options: StageOptions = {}) {
  const dataDir = emptyDataDir()
  const place = {
    kind: 'embedded' as const,
    config: () => ({ store: { kind: 'embedded' as const }, dataDir }),
    open: () => Promise.reject(new Error('the service has it')),
  }
  const stage: Stage = stageFor(place, {
    ...options,
    env: { OPS_TOKEN: `alice=${OPS_TOKEN}`, ...options.env },
  })
  after(async () => {
    await rm(dataDir, { recursive: true, force: true })
  })
  const env = () => ({ PORTCULLIS_URL: stage.service.app.opsUrl, OPS_TOKEN })
  return {
    stage,
    /** A line as it would be typed; words in double quotes stay together. */
    run: (line: string, more: Partial<Terminal> = {}) =>
      runHere(
        [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? ''),
        env(),
        more,
      ),
    env,
  }
}
