import type { Finding } from '../check.ts'
import { configForCheck } from '../config.ts'
import { configWarnings } from '../config-warnings.ts'
import type { Status } from '../ops/status.ts'
import { createClient } from './client.ts'
import { type Command, type Given, OUTPUT } from './command.ts'
import { EXIT, plain, type Terminal } from './terminal.ts'

export const check: Command = {
  name: 'check',
  usage: '',
  summary: 'try every setting and say what to do',
  help: `
Tries the settings of the environment and .env one by one, changing nothing: the
store, the Cloudflare token and what it may do (a dry run), our rule and its
room, Elasticsearch and Kibana, the playbooks, the allowlist; and what the
access logs of the last day, where the key may read them, name as source.ip.

  ✓ works    ! works, but look at it    ✗ mend this: exit code 1    · not tried`,
  options: OUTPUT,
  words: 0,
  async run(given, terminal) {
    const env = terminal.environment()
    const { config, problems } = configForCheck(env)
    const { checkAll } = await import('../check.ts')
    const askRunning = async () => (await createClient(env).get('/api/status')) as unknown as Status
    const findings = checkAll({ config, problems, warnings: configWarnings(env), askRunning, now: terminal.now })
    return sayFindings(findings, given, terminal)
  },
}

/** Says each finding as it comes; the exit code is 1 when one of them has to be mended. */
export async function sayFindings(findings: AsyncIterable<Finding>, given: Given, terminal: Terminal): Promise<number> {
  const all: Finding[] = []
  for await (const finding of findings) {
    all.push(finding)
    if (!given.json) terminal.say(lineOf(finding, terminal))
  }
  const bad = all.filter(({ level }) => level === 'bad').length
  const good = all.filter(({ level }) => level === 'good').length
  const warnings = all.filter(({ level }) => level === 'warn').length
  if (given.json) terminal.say(JSON.stringify({ ok: bad === 0, checks: all }, null, 2))
  else terminal.say(`\n${good} good, ${warnings} to look at, ${bad} to mend`)
  return bad === 0 ? EXIT.ok : EXIT.failed
}

const SIGNS = { good: ['green', '✓'], warn: ['yellow', '!'], bad: ['red', '✗'], note: ['dim', '·'] } as const
const WIDTH = 14

function lineOf({ level, what, message }: Finding, { paint }: Terminal): string {
  const [colour, sign] = SIGNS[level]
  // A message of several lines (a caret under an expression, say) keeps its columns.
  const [first = '', ...more] = message.split('\n').map(plain)
  return [
    `${paint(colour, sign)} ${plain(what).padEnd(WIDTH)} ${first}`,
    ...more.map((line) => `${' '.repeat(WIDTH + 3)}${line}`),
  ].join('\n')
}
