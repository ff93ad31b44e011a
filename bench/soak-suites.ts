import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Findings } from './soak-findings.ts'

const SUITES = [
  'e2e/several-instances',
  'e2e/stopped-holder',
  'test/crash/',
  'settle/model',
  'settle/two-stores',
  'settle/spill-model',
  'settle/list-model',
  'settle/month',
  'test/fuzz/',
  'faults/redis.test',
  'faults/postgres',
  'test/load/',
]
const FULL = {
  SOAK: '1',
  SETTLE_RUNS: '5000',
  LIST_RUNS: '2000',
  MONTH_SEEDS: '3',
  MONTH_DAYS: '90',
  FUZZ_RUNS: '200000',
}

/** The suites that have a longer form, at their full length; what they say goes by. */
export async function suites(short: boolean, findings: Findings): Promise<void> {
  findings.part('suites: those with a longer form')
  for (const suite of SUITES) {
    const begun = performance.now()
    const code = await run(suite, short ? {} : FULL)
    findings.bound(suite, code, '=', 0, `exit code, after ${((performance.now() - begun) / 1000).toFixed(0)} s`)
  }
}

function run(suite: string, env: Readonly<Record<string, string>>): Promise<number> {
  const child = spawn(process.execPath, ['test/run.ts', suite], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { ...process.env, ...env },
    stdio: ['ignore', 2, 2],
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
  })
}
