import { ConfigError } from '../config.ts'
import { messageOf } from '../errors.ts'
import { adopt } from './adopt.ts'
import { allow, allowed, disallow } from './allow.ts'
import { ban } from './ban.ts'
import { bans } from './bans.ts'
import { check } from './check.ts'
import { type Command, helpOf, readArguments } from './command.ts'
import { createCompletion } from './completion.ts'
import { history } from './history.ts'
import { init } from './init.ts'
import { pause } from './pause.ts'
import { playbooks } from './playbooks.ts'
import { replay } from './replay.ts'
import { resume } from './resume.ts'
import { status } from './status.ts'
import { CliError, EXIT, plain, type Terminal } from './terminal.ts'
import { unban } from './unban.ts'
import { why } from './why.ts'

const COMMANDS: readonly Command[] = [
  ...[init, check, status],
  ...[bans, why, ban, unban, allow, allowed, disallow, adopt],
  ...[pause, resume, replay, history, playbooks],
  createCompletion(() => COMMANDS),
]

/** Runs one command line; answers its exit code: 0 done, 1 failed, 2 bad input, 3 not found. Never throws. */
export async function runCli(args: readonly string[], terminal: Terminal): Promise<number> {
  const [name, ...rest] = args
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    const asked = COMMANDS.find((command) => command.name === rest[0])
    terminal.say(asked === undefined ? overview() : helpOf(asked))
    return name === undefined ? EXIT.badInput : EXIT.ok
  }
  const command = COMMANDS.find((one) => one.name === name)
  if (command === undefined) {
    terminal.complain(`portcullis has no command ${plain(name)}.\n\n${overview()}`)
    return EXIT.badInput
  }
  try {
    const given = readArguments(command, rest)
    if (given !== null) return await command.run(given, terminal)
    terminal.say(helpOf(command))
    return EXIT.ok
  } catch (error) {
    terminal.complain(lines(messageOf(error)))
    return error instanceof CliError ? error.code : error instanceof ConfigError ? EXIT.badInput : EXIT.failed
  }
}

function overview(): string {
  const rows = [['start', 'run the service in this terminal'], ...COMMANDS.map(({ name, summary }) => [name, summary])]
  return [
    'portcullis COMMAND [options]',
    '',
    ...rows.map(([name = '', summary]) => `  ${name.padEnd(10)}  ${summary}`),
    '',
    'portcullis COMMAND --help explains a command. Most of them ask the running service:',
    'at PORTCULLIS_URL, else here at OPS_PORT, with OPS_TOKEN from the environment or .env.',
    'Exit codes: 0 done, 1 failed, 2 bad input, 3 not found.',
  ].join('\n')
}

function lines(text: string): string {
  return text.split('\n').map(plain).join('\n')
}
