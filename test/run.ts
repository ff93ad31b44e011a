import { spawn, spawnSync } from 'node:child_process'
import { accessSync, constants, globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, freemem, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { openStore } from '../src/adapters/store.ts'

/**
 * `npm test`: runs every test file on the Node that runs this one.
 *
 * `npm test -- settle`                       only files whose path contains "settle"
 * `npm test -- settle --test-name-pattern x` options go to Node's test runner
 */

/** The embedded store takes up to 0.85 GB while it makes its cluster. */
const MEMORY_PER_FILE = 1.5e9

// Debian asks this file before it starts a service; 101 says no. The tests start servers of their own.
const POLICY = '/usr/sbin/policy-rc.d'

const options = process.argv.slice(2).filter((argument) => argument.startsWith('-'))
const filters = process.argv.slice(2).filter((argument) => !argument.startsWith('-'))
const files = globSync('test/**/*.test.ts')
  .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
  .sort()

if (files.length === 0) {
  console.error(`No test file matches ${filters.join(', ')}.`)
  process.exit(1)
}

const missing = process.env.TEST_REDIS_URL || haveRedis() || installRedis() ? null : withoutRedis()
if (missing) console.error(missing)
const shared = await prepare()
const code = await run(files, shared)
rmSync(shared, { recursive: true, force: true })
if (missing) console.error(missing)
process.exit(code)

function haveRedis(): boolean {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/usr/local/bin']
  return folders.some((folder) => folder !== '' && isExecutable(join(folder, 'redis-server')))
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** As root on Debian: installs the package without letting it start its service. */
function installRedis(): boolean {
  if (process.getuid?.() !== 0 || !isExecutable('/usr/bin/apt-get')) return false
  console.error('No redis-server here: installing the Debian package …')
  const ours = forbidServices()
  try {
    apt('update') // an old list may do
    return apt('install', '-y', '--no-install-recommends', 'redis-server') && haveRedis()
  } finally {
    if (ours) rmSync(POLICY, { force: true })
  }
}

function forbidServices(): boolean {
  try {
    writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755, flag: 'wx' })
    return true
  } catch {
    return false // the machine has a policy of its own
  }
}

function apt(...words: string[]): boolean {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  return spawnSync('apt-get', ['-qq', ...words], { env, stdio: ['ignore', 'ignore', 'inherit'] }).status === 0
}

function withoutRedis(): string {
  return `
  ┌──────────────────────────────────────────────────────────────────────────────┐
  │ THE SUITES ON REDIS ARE SKIPPED: there is no redis-server on this machine.   │
  │ Debian: apt-get install redis-server · macOS: brew install redis             │
  └──────────────────────────────────────────────────────────────────────────────┘
`
}

/**
 * What the tests share, for making it takes seconds each time: an empty embedded store to copy (`store`), and beside it what Node has
 * compiled (`compiled`).
 */
async function prepare(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-test-'))
  const store = await openStore({ store: { kind: 'embedded' }, dataDir: join(folder, 'store') })
  const queue = store.createQueue()
  await queue.counts()
  await queue.close(0)
  await store.close()
  return folder
}

function run(files: readonly string[], shared: string): Promise<number> {
  // One more than there are processors, for many wait most of their time: for leases, time-outs, servers that start.
  const concurrency = Math.max(1, Math.min(availableParallelism() + 1, Math.floor(freemem() / MEMORY_PER_FILE)))
  const first = ['watchdog', ...(process.env.CI ? ['same-laws'] : [])]
  const words = [
    '--test',
    `--test-concurrency=${concurrency}`,
    '--test-reporter=spec',
    ...first.map((name) => `--import=${new URL(`./support/${name}.ts`, import.meta.url).href}`),
    ...options,
    ...files,
  ]
  const env = {
    ...process.env,
    PORTCULLIS_TEST_STORE: join(shared, 'store'),
    NODE_COMPILE_CACHE: join(shared, 'compiled'),
  }
  const child = spawn(process.execPath, words, { stdio: 'inherit', env })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
  return new Promise((resolve) => {
    child.on('error', (error) => {
      console.error(error.message)
      resolve(1)
    })
    child.on('exit', (code) => resolve(code ?? 1))
  })
}
