import { configForCheck } from '../config.ts'
import { parseDuration } from '../core/duration.ts'
import { readText } from './bans-file.ts'
import { sayFindings } from './check.ts'
import { createClient } from './client.ts'
import { type Command, type Given, OUTPUT, wrong } from './command.ts'
import { explanationPage } from './explain-page.ts'
import { pastPage } from './past-page.ts'
import { underPause } from './paused.ts'
import { CliError, EXIT, type Terminal } from './terminal.ts'

export const playbooks: Command = {
  name: 'playbooks',
  usage: 'check [DIR] | explain FILE | explain --since 30d',
  summary: 'check playbooks; explain what they would do with an alert',
  help: `
\`check\` reads every *.yaml of DIR (else PLAYBOOKS_DIR) as the start does:
mistakes with file, line and column, the order in which they are asked, and
those that no alert can reach. Exit code 1 when one is broken.

\`explain\` takes the body of a webhook (- for what is piped in) and says which
playbook would answer each alert, what every guard says about each suspect, and
the expression that would be written. It asks the running service, for its bans
and edges matter, and changes nothing. With --offline it asks the playbooks
here, as if nobody were banned yet.

  portcullis playbooks explain body.json

\`explain --since\` replays the alerts that Elastic has of that time, of any
status, as if MODE=enforce had stood from its beginning: who would have been
banned, how often and for how long, the room and the quota that it would have
taken, and who would have been spared. It reads Elastic with the settings here,
needs no service, and changes nothing. Alerts of the rules that playbooks name
are read, and of CATCH_UP_RULES.

  portcullis playbooks explain --since 30d --all-rules`,
  options: {
    offline: { type: 'boolean', help: 'explain without a service: an empty ledger, empty edges' },
    since: { type: 'string', value: 'DURATION', help: 'explain the past alerts of so long, as in 30d' },
    'all-rules': { type: 'boolean', help: 'with --since: alerts of every rule' },
    ...OUTPUT,
  },
  words: 2,
  async run(given, terminal) {
    const [action, name] = given.words
    if (given.flag('offline') && action !== 'explain') throw wrong(playbooks, '--offline goes with explain')
    for (const option of ['since', 'all-rules'].filter((o) => given.text(o) !== null || given.flag(o)))
      if (action !== 'explain') throw wrong(playbooks, `--${option} goes with explain`)
    if (action === 'explain' && given.text('since') !== null) return explainSince(name, given, terminal)
    if (action === 'explain') return explain(name, given, terminal)
    if (action !== 'check') throw wrong(playbooks, 'say what to do: portcullis playbooks check [DIR], or explain FILE')
    const { config } = configForCheck(terminal.environment())
    const { checkPlaybooks } = await import('../check.ts')
    return sayFindings(checkPlaybooks({ ...config, playbooksDir: name ?? config.playbooksDir }), given, terminal)
  },
}

async function explain(file: string | undefined, given: Given, terminal: Terminal): Promise<number> {
  if (given.flag('all-rules')) throw wrong(playbooks, '--all-rules goes with --since')
  if (file === undefined) throw wrong(playbooks, 'the file with the body is missing (- for what is piped in)')
  const body = await readText(file, terminal)
  const answer = given.flag('offline') ? await offline(body, terminal) : await online(body, terminal)
  terminal.say(
    given.json
      ? JSON.stringify(answer, null, 2)
      : underPause({ ...answer }, explanationPage(answer, terminal), terminal),
  )
  return EXIT.ok
}

async function explainSince(file: string | undefined, given: Given, terminal: Terminal): Promise<number> {
  if (file !== undefined || given.flag('offline'))
    throw wrong(playbooks, '--since reads Elastic: it goes with no file, and never asks the service')
  const sinceMs = parseDuration(given.text('since') ?? '')
  if (sinceMs === undefined || sinceMs === null) throw wrong(playbooks, '--since must look like 24h, 7d or 30d')
  const { config } = configForCheck(terminal.environment())
  const { explainElastic } = await import('../app-explain-past.ts')
  const past = await explainElastic(config, { sinceMs, allRules: given.flag('all-rules'), now: terminal.now() })
  terminal.say(given.json ? JSON.stringify(past, null, 2) : pastPage(past, terminal))
  return EXIT.ok
}

async function online(body: string, terminal: Terminal) {
  const answer = await createClient(terminal.environment()).post('/api/explain', { body })
  return answer as unknown as Awaited<ReturnType<typeof offline>>
}

async function offline(body: string, terminal: Terminal) {
  const { config } = configForCheck(terminal.environment())
  const { explainOffline } = await import('../app-explain.ts')
  try {
    return await explainOffline(config, body)
  } catch (error) {
    throw new CliError(EXIT.badInput, error instanceof Error ? error.message : String(error), { cause: error })
  }
}
