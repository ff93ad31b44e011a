import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { open, readFile, rename, rm } from 'node:fs/promises'
import { configForCheck } from '../config.ts'
import { type Environment, type Problem, VARIABLES } from '../config-environment.ts'
import { messageOf } from '../errors.ts'
import { type Command, type Given, type Option, wrong } from './command.ts'
import { type Question, questions, startAsking } from './init-ask.ts'
import { fillIn } from './init-env.ts'
import { CliError, EXIT, plain, type Terminal } from './terminal.ts'

const FLAGS: Readonly<Record<string, Option>> = Object.fromEntries(
  questions.map(({ name, help }) => [flagOf(name), { type: 'string', value: 'VALUE', help }]),
)
// Every other variable has a flag too; the help lists those that are asked for.
const HIDDEN: Readonly<Record<string, Option>> = Object.fromEntries(
  VARIABLES.map((name) => [flagOf(name), { type: 'string', value: 'VALUE', help: '' }]),
)

export const init: Command = {
  name: 'init',
  usage: '[--yes] [--force]',
  summary: 'write .env with fresh secrets, asking for the rest',
  help: `
Writes .env from .env.example, readable by you alone: with a random webhook
secret and ops token, and with what it asks you for. Every variable of
.env.example has a flag of its own, as in --max-bans-per-hour 100; of those that
it asks for, one that is set in the environment counts as an answer, too, and
keeps a secret out of the list of processes.

  portcullis init
  CLOUDFLARE_API_TOKEN=… portcullis init --yes --cloudflare-zone-id shop=<id>`,
  options: {
    yes: { type: 'boolean', short: 'y', help: 'ask nothing: flags, the environment and defaults decide' },
    force: { type: 'boolean', help: 'replace a .env that is there, its secrets, too' },
    file: { type: 'string', value: 'FILE', help: 'where to write, instead of .env' },
    ...HIDDEN,
    ...FLAGS,
  },
  words: 0,
  async run(given, terminal) {
    const file = given.text('file') ?? '.env'
    if (existsSync(file) && !given.flag('force'))
      throw new CliError(EXIT.failed, `${file} is there already and stays as it is; --force replaces it.`)
    if (!given.flag('yes') && !terminal.interactive)
      throw wrong(init, 'nobody can be asked here: give the values as flags, with --yes')
    const values = await collect(given, terminal)
    const example = await readFile(new URL('../../.env.example', import.meta.url), 'utf8')
    await writePrivately(file, fillIn(example, values))
    sayNext(file, values, terminal)
    return EXIT.ok
  },
}

function flagOf(name: string): string {
  return name.toLowerCase().replaceAll('_', '-')
}

async function collect(given: Given, terminal: Terminal): Promise<Map<string, string>> {
  const env = terminal.environment()
  const values = new Map([
    ['WEBHOOK_SECRET', secret()],
    ['OPS_TOKEN', secret()],
  ])
  for (const name of VARIABLES) {
    const value = given.text(flagOf(name)) ?? (isAsked(name) ? env[name] : undefined)
    if (value !== undefined && value !== '') values.set(name, value)
  }
  const wrongFlags = problemsOf(values)
  if (wrongFlags.length > 0)
    throw new CliError(EXIT.badInput, wrongFlags.map(({ name, message }) => `${name} ${message}`).join('\n'))
  if (given.flag('yes')) return values
  const asking = startAsking()
  try {
    for (const question of questions) {
      if (values.has(question.name) || !isMeant(question, values)) continue
      const answer = await askUntilGood(question, values, asking.ask, terminal)
      if (answer !== '') values.set(question.name, answer)
    }
  } finally {
    asking.close()
  }
  return values
}

async function askUntilGood(
  question: Question,
  values: ReadonlyMap<string, string>,
  ask: (question: Question) => Promise<string>,
  terminal: Terminal,
): Promise<string> {
  for (;;) {
    const answer = await ask(question)
    const problem = answer === '' ? undefined : problemsOf(new Map([...values, [question.name, answer]]))[0]
    if (problem === undefined) return answer
    terminal.complain(`  ${problem.name} ${plain(problem.message)}`)
  }
}

function isMeant({ only }: Question, values: ReadonlyMap<string, string>): boolean {
  if (only === undefined) return true
  const [name, wanted] = only
  return wanted === undefined ? values.has(name) : values.get(name) === wanted
}

function isAsked(name: string): boolean {
  return questions.some((question) => question.name === name)
}

/** What is wrong with the given values themselves; what is missing is asked for, or left to `check`. */
function problemsOf(values: ReadonlyMap<string, string>): Problem[] {
  const env: Environment = Object.fromEntries(values)
  return configForCheck(env).problems.filter(
    ({ name, message }) => values.has(name) && !message.startsWith('is required'),
  )
}

function secret(): string {
  return randomBytes(32).toString('base64url')
}

/** A file that nobody else could read at any moment, and that is there whole or not at all. */
async function writePrivately(file: string, text: string): Promise<void> {
  const draft = `${file}.${process.pid}.new`
  try {
    const handle = await open(draft, 'wx', 0o600)
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(draft, file)
  } catch (error) {
    await rm(draft, { force: true })
    throw new CliError(EXIT.failed, `${file} cannot be written: ${messageOf(error)}`)
  }
}

function isList(values: ReadonlyMap<string, string>): boolean {
  return values.get('CLOUDFLARE_TARGET') === 'list'
}

function sayNext(file: string, values: ReadonlyMap<string, string>, { say, paint }: Terminal): void {
  const needed = ['CLOUDFLARE_API_TOKEN', 'CLOUDFLARE_ZONE_ID', ...(isList(values) ? ['CLOUDFLARE_ACCOUNT_ID'] : [])]
  const missing = needed.filter((name) => !values.has(name))
  const fill = missing.length === 0 ? [] : [`fill in ${missing.join(' and ')} in ${file}`]
  const steps = [
    ...fill,
    'portcullis check            tries every setting',
    'docker compose up -d        or: portcullis start',
    'portcullis status           what it does, and in observe mode would do',
  ]
  say(`${paint('green', '✓')} ${plain(file)} is written, readable by you alone. Next:`)
  say(steps.map((step, at) => `  ${at + 1}. ${step}`).join('\n'))
  if (configForCheck(Object.fromEntries(values)).config.receiver === false) {
    say('\nNo webhook is taken: Portcullis asks Elastic for alerts of CATCH_UP_RULES (docs/catch-up.md).')
    return
  }
  say(`
The connector in Kibana (Stack Management → Connectors → Webhook):
  Method   POST
  URL      https://<your reverse proxy>/webhooks/elastic
           (it listens on port ${values.get('PORT') ?? '8080'}; under docker compose on 127.0.0.1:8085)
  Headers  Content-Type: application/json
           Authorization: Bearer <WEBHOOK_SECRET of ${plain(file)}>, as a secret header
The body to send is in README.md.`)
}
